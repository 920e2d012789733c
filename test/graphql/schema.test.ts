import { readFileSync } from "node:fs";
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  lexicographicSortSchema,
  printSchema,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLNamedType,
} from "graphql";
import { describe, expect, it } from "vitest";
import { schema } from "../../src/graphql/schema.js";

interface Described {
  readonly at: string;
  readonly description: string | null | undefined;
}

const types = Object.values(schema.getTypeMap()).filter(
  (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
);

describe("schema/schema.graphql", () => {
  it("matches the code; `npm run schema` writes it", () => {
    expect(read("../../schema/schema.graphql")).toBe(`${printSchema(lexicographicSortSchema(schema))}\n`);
  });
});

describe("the schema", () => {
  it("describes every type, field, argument, enum value and input field", () => {
    const everything = types.flatMap((type) => [
      typeItself(type),
      ...fields(type),
      ...values(type),
      ...inputs(type),
    ]);

    expect(everything.filter(({ description }) => !description).map(({ at }) => at)).toEqual([]);
  });

  it("gives an example for every argument and input field that accepts text", () => {
    const texts = types.flatMap(inputs).filter(({ type }) => TEXTS.has(type));

    expect(texts.filter(({ description }) => !description?.includes('For example "'))).toEqual([]);
  });
});

const TEXTS = new Set(["String", "ID", "Position"]);

function typeItself({ name, description }: GraphQLNamedType): Described {
  return { at: name, description };
}

function fields(type: GraphQLNamedType): Described[] {
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  return Object.values(type.getFields()).map(({ name, description }) => ({
    at: `${type.name}.${name}`,
    description,
  }));
}

function values(type: GraphQLNamedType): Described[] {
  if (!isEnumType(type)) return [];
  return type.getValues().map(({ name, description }) => ({ at: `${type.name}.${name}`, description }));
}

/** The input fields of a type, or the arguments of its fields. */
function inputs(type: GraphQLNamedType): (Described & { readonly type: string })[] {
  if (isInputObjectType(type)) return Object.values(type.getFields()).map((field) => input(type.name, field));
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  return Object.values(type.getFields()).flatMap(({ name, args }) =>
    args.map((argument) => input(`${type.name}.${name}`, argument)),
  );
}

function input(owner: string, { name, description, type }: GraphQLArgument | GraphQLInputField) {
  return { at: `${owner}(${name}:)`, description, type: getNamedType(type).name };
}

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), "utf8");
}
