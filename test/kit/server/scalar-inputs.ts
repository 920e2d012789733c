/** All inputs of a schema that have a scalar type, with a request for each, so that a test covers them all. */
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
} from "graphql";

/** An argument of a root field, or a field of an input object that is first reached from there. */
export interface ScalarInput {
  /** Such as `StoreTaskInput.jobId`, or `Query.task(jobId)`. */
  readonly name: string;
  readonly type: string;
  /** `query`, `mutation` or `subscription`. */
  readonly operation: string;
  /** The type of the whole argument. */
  readonly argumentType: string;
  /** The argument, with a value in the place of the input. */
  argument(value: unknown): unknown;
  /** The value of the input in an argument. */
  valueIn(argument: unknown): unknown;
  /** A document, with a literal in the place of the input. */
  document(literal: string): string;
}

export function scalarInputsOf(schema: GraphQLSchema): ScalarInput[] {
  const seen = new Set<string>();
  return rootFieldsOf(schema).flatMap(({ operation, type, field }) =>
    field.args.flatMap((arg) =>
      placesIn(arg.type, `${type}.${field.name}(${arg.name})`, [], seen).map((place): ScalarInput => {
        const { path } = place;
        return {
          name: place.name,
          type: place.type,
          operation,
          argumentType: String(arg.type),
          argument: (value) => build(arg.type, path, { value, literal: "" }).value,
          valueIn: (argument) => path.reduce(itemOf, argument),
          document: (literal) =>
            documentOf(operation, field, arg, build(arg.type, path, { value: 0, literal })),
        };
      }),
    ),
  );
}

/** The names of all inputs of a scalar type, anywhere in the schema, as in `ScalarInput`. */
export function scalarInputNamesOf(schema: GraphQLSchema, scalar: string): string[] {
  return Object.values(schema.getTypeMap()).flatMap((type) => {
    if (type.name.startsWith("__") || !("getFields" in type)) return [];
    if (isInputObjectType(type))
      return Object.values(type.getFields())
        .filter((field) => getNamedType(field.type).name === scalar)
        .map(({ name }) => `${type.name}.${name}`);
    return Object.values(type.getFields()).flatMap(({ name, args }) =>
      args
        .filter((arg) => getNamedType(arg.type).name === scalar)
        .map((arg) => `${type.name}.${name}(${arg.name})`),
    );
  });
}

type Path = readonly (string | 0)[];

interface Place {
  readonly name: string;
  readonly type: string;
  readonly path: Path;
}

interface Sample {
  readonly value: unknown;
  readonly literal: string;
}

function rootFieldsOf(schema: GraphQLSchema) {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  return roots.flatMap((root) =>
    Object.values(root?.getFields() ?? {}).map((field) => ({
      operation: root!.name.toLowerCase(),
      type: root!.name,
      field,
    })),
  );
}

/** @param seen input objects whose fields were already found; recursive types end there. */
function placesIn(type: GraphQLInputType, name: string, path: Path, seen: Set<string>): Place[] {
  if (isNonNullType(type)) return placesIn(type.ofType, name, path, seen);
  if (isListType(type)) return placesIn(type.ofType, name, [...path, 0], seen);
  if (!isInputObjectType(type)) return [{ name, type: type.name, path }];
  if (seen.has(type.name)) return [];
  seen.add(type.name);
  return Object.values(type.getFields()).flatMap((field) =>
    placesIn(field.type, `${type.name}.${field.name}`, [...path, field.name], seen),
  );
}

/** An argument with all required fields, and with the given sample at the path. */
function build(type: GraphQLInputType, [step, ...rest]: Path, given: Sample): Sample {
  if (isNonNullType(type)) return build(type.ofType, step === undefined ? [] : [step, ...rest], given);
  if (step === undefined) return given;
  if (isListType(type)) return listOf(build(type.ofType, rest, given));
  return objectOf(type, (name, fieldType) => (name === step ? build(fieldType, rest, given) : undefined));
}

function sampleOf(type: GraphQLInputType): Sample {
  if (isNonNullType(type)) return sampleOf(type.ofType);
  if (isListType(type)) return listOf(sampleOf(type.ofType));
  if (isInputObjectType(type)) return objectOf(type, () => undefined);
  if (isEnumType(type)) return { value: type.getValues()[0]!.name, literal: type.getValues()[0]!.name };
  const value = SAMPLES[type.name];
  return { value, literal: JSON.stringify(value) };
}

const SAMPLES: Readonly<Record<string, unknown>> = {
  ID: "x",
  String: "x",
  Int: 1,
  SafeInt: 1,
  Boolean: true,
};

function listOf({ value, literal }: Sample): Sample {
  return { value: [value], literal: `[${literal}]` };
}

function objectOf(
  type: GraphQLInputType,
  givenFor: (name: string, type: GraphQLInputType) => Sample | undefined,
): Sample {
  const fields = isInputObjectType(type) ? Object.values(type.getFields()) : [];
  const samples = fields.flatMap((field): [string, Sample][] => {
    const sample = givenFor(field.name, field.type) ?? (isRequiredInputField(field) && sampleOf(field.type));
    return sample ? [[field.name, sample]] : [];
  });
  return {
    value: Object.fromEntries(samples.map(([name, { value }]) => [name, value])),
    literal: `{${samples.map(([name, { literal }]) => `${name}: ${literal}`).join(", ")}}`,
  };
}

function documentOf(
  operation: string,
  field: GraphQLField<unknown, unknown>,
  given: GraphQLArgument,
  { literal }: Sample,
): string {
  const args = field.args
    .filter((arg) => arg === given || (isNonNullType(arg.type) && arg.defaultValue === undefined))
    .map((arg) => `${arg.name}: ${arg === given ? literal : sampleOf(arg.type).literal}`);
  const selection = "getFields" in getNamedType(field.type) ? "{ __typename }" : "";
  return `${operation} { ${field.name}(${args.join(", ")}) ${selection} }`;
}

function itemOf(value: unknown, step: string | 0): unknown {
  return (value as Readonly<Record<string | 0, unknown>>)[step]; // safe: the path leads through the value
}
