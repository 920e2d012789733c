import {
  getNamedType,
  isEnumType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
} from "graphql";
import type { OperationParams } from "../../../src/graphql/pipeline/pipeline.js";
import { schema } from "../../../src/graphql/schema.js";
import { assert } from "../../../src/util/assert.js";

/** Selections of every field with arguments, and of every list, generated from the schema. */

/** A field that can be selected below a root field, and the fields on the way to it. */
export interface ReachableField {
  readonly parent: string;
  readonly field: GraphQLField<unknown, unknown>;
  /** Starts of selections that enclose the field: a field, or a type condition. */
  readonly path: readonly string[];
}

/** The fields that are reachable below a root field, each by one of its shortest paths. */
export function fieldsBelow(root: GraphQLField<unknown, unknown>): ReachableField[] {
  const found: ReachableField[] = [];
  const waiting = [{ type: getNamedType(root.type) as GraphQLNamedType, path: [] as readonly string[] }];
  const seen = new Set<string>();
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { type, path } = next;
    if (seen.has(type.name)) continue;
    seen.add(type.name);
    if (isInterfaceType(type)) {
      const possible = schema.getPossibleTypes(type);
      waiting.push(...possible.map((one) => ({ type: one, path: [...path, `... on ${one.name}`] })));
    }
    if (!isObjectType(type)) continue;
    const fields = Object.values(type.getFields());
    found.push(...fields.map((field) => ({ parent: type.name, field, path })));
    waiting.push(...fields.map((field) => ({ type: getNamedType(field.type), path: [...path, field.name] })));
  }
  return found;
}

/** An argument of a reachable field with a value, as a part of a document. */
export interface GeneratedArgument {
  readonly name: string;
  readonly reachable: ReachableField;
  readonly argument: GraphQLArgument;
  readonly value: unknown;
}

/** Every argument below a root field with values around and beyond all of its bounds. */
export function argumentsBelow(root: GraphQLField<unknown, unknown>): GeneratedArgument[] {
  return fieldsBelow(root).flatMap((reachable) =>
    reachable.field.args.flatMap((argument) =>
      valuesOf(argument.type).map((value) => {
        const name = `${reachable.parent}.${reachable.field.name}(${argument.name}: ${String(value)})`;
        return { name, reachable, argument, value };
      }),
    ),
  );
}

const NUMBERS = [-(2 ** 31), -1, 0, 1, 100, 101, 200, 201, 2 ** 31 - 1];

function valuesOf(type: GraphQLInputType): readonly unknown[] {
  if (isNonNullType(type)) return valuesOf(type.ofType);
  if (isEnumType(type)) return type.getValues().map(({ name }) => name);
  assert(type.toString() === "Int", `the generator knows values of ${type.toString()}`);
  return NUMBERS;
}

/** Writes a document that selects a field with an argument below a root field, in one of several forms. */
export type Form = (operation: string, root: string, generated: GeneratedArgument) => OperationParams;

export const FORMS: readonly (readonly [name: string, Form])[] = [
  ["a literal", (operation, root, generated) => written(operation, root, generated, literalOf(generated))],
  [
    "an alias beside the field itself",
    (operation, root, generated) => {
      const { field } = generated.reachable;
      const selected = `${field.name} other: ${fieldWith(generated, literalOf(generated))}`;
      return { query: `${operation} { ${root} { ${enclose(generated, selected)} } }` };
    },
  ],
  [
    "a variable",
    (operation, root, generated) => ({
      ...written(`${operation} ($v: ${generated.argument.type.toString()})`, root, generated, "$v"),
      variables: { v: generated.value },
    }),
  ],
  [
    "the default of a variable",
    (operation, root, generated) =>
      written(
        `${operation} ($v: ${nullable(generated.argument.type)} = ${literalOf(generated)})`,
        root,
        generated,
        "$v",
      ),
  ],
  [
    "a literal in a fragment",
    (operation, root, generated) => {
      const fragment = `fragment F on ${generated.reachable.parent} { ${fieldWith(generated, literalOf(generated))} }`;
      return { query: `${operation} { ${root} { ${enclose(generated, "...F")} } } ${fragment}` };
    },
  ],
  [
    "a fragment that a variable includes",
    (operation, root, generated) => {
      const fragment = `fragment F on ${generated.reachable.parent} { ${fieldWith(generated, literalOf(generated))} }`;
      const query = `${operation} ($in: Boolean = true) { ${root} { ${enclose(generated, "...F @include(if: $in)")} } } ${fragment}`;
      return { query };
    },
  ],
];

/** The same selection where a variable excludes it. */
export const excluded: Form = (operation, root, generated) => ({
  query: `${operation} ($no: Boolean!) { ${root} { __typename ... @skip(if: $no) { ${enclose(generated, fieldWith(generated, literalOf(generated)))} } } }`,
  variables: { no: true },
});

function written(
  operation: string,
  root: string,
  generated: GeneratedArgument,
  value: string,
): OperationParams {
  return { query: `${operation} { ${root} { ${enclose(generated, fieldWith(generated, value))} } }` };
}

function fieldWith({ reachable: { field }, argument }: GeneratedArgument, value: string): string {
  return `${field.name}(${argument.name}: ${value}) ${leafSelection(field.type)}`;
}

/** Selects `inner` below a root field. In the form with an alias, the field itself needs a selection too. */
function enclose({ reachable: { path, field } }: GeneratedArgument, inner: string): string {
  const selected = inner.startsWith(`${field.name} other`)
    ? inner.replace(field.name, `${field.name} ${leafSelection(field.type)}`)
    : inner;
  return path.reduceRight((below, start) => `${start} { ${below} }`, selected);
}

function leafSelection(type: GraphQLOutputType): string {
  return isObjectType(getNamedType(type)) ? "{ __typename }" : "";
}

function literalOf({ value }: GeneratedArgument): string {
  return String(value);
}

function nullable(type: GraphQLInputType): string {
  return isNonNullType(type) ? type.ofType.toString() : type.toString();
}

export function rootFields(type: GraphQLObjectType): GraphQLField<unknown, unknown>[] {
  return Object.values(type.getFields());
}

/** Whether the field lists objects, so that its number of items depends on the job. */
export function listsObjects({ field }: ReachableField): boolean {
  const type = isNonNullType(field.type) ? field.type.ofType : field.type;
  return isListType(type) && isObjectType(getNamedType(type));
}
