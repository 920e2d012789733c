import {
  GraphQLID,
  GraphQLList,
  GraphQLNonNull,
  GraphQLScalarType,
  GraphQLSchema,
  isInputObjectType,
  isIntrospectionType,
  isListType,
  isNonNullType,
  Kind,
  print,
  type GraphQLType,
  type ValueNode,
} from "graphql";
import { badUserInput, truncateText, type TidemarkError } from "../../protocol/tidemark-error.js";

/**
 * The scalar `ID`, which accepts strings and safe integers. The built-in one accepts any whole number. But a JSON parser
 * has already rounded an unsafe one, so that two ids become one, and `1e3` is one id as a variable and another one as a
 * literal.
 */
const StrictId = new GraphQLScalarType<string>({
  ...GraphQLID.toConfig(),
  parseValue: idOf,
  parseLiteral: idOfLiteral,
});

/** Replaces the built-in `ID` in a schema. Pothos has no option for that. Modifies the types of the schema. */
export function withStrictIds(schema: GraphQLSchema): GraphQLSchema {
  const { types, ...config } = schema.toConfig();
  for (const type of types) {
    if (isIntrospectionType(type) || !("getFields" in type)) continue;
    for (const field of Object.values(type.getFields())) replaceType(field);
    if (isInputObjectType(type)) continue;
    for (const { args } of Object.values(type.getFields())) args.forEach(replaceType);
  }
  return new GraphQLSchema({ ...config, types: types.filter((type) => type !== GraphQLID) });
}

function replaceType<T extends GraphQLType>(typed: { type: T }): void {
  typed.type = replaced(typed.type) as T; // safe: it has the same kind
}

function replaced(type: GraphQLType): GraphQLType {
  if (isNonNullType(type)) return new GraphQLNonNull(replaced(type.ofType) as typeof type.ofType);
  if (isListType(type)) return new GraphQLList(replaced(type.ofType));
  return type === GraphQLID ? StrictId : type;
}

function idOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return String(value);
  throw invalidId(typeof value === "number" ? numberText(value) : (JSON.stringify(value) ?? String(value)));
}

function numberText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Reads a number as it is written: only its usual notation is the same id as the variable. */
function idOfLiteral(node: ValueNode): string {
  if (node.kind === Kind.STRING) return node.value;
  if (node.kind === Kind.INT && isUsual(node.value)) return node.value;
  throw invalidId(print(node));
}

function isUsual(text: string): boolean {
  return Number.isSafeInteger(Number(text)) && String(Number(text)) === text;
}

function invalidId(value: string): TidemarkError {
  return badUserInput(
    `Invalid ID ${truncateText(value, 40)}: expected a string, or a whole number from -(2^53 - 1) to 2^53 - 1 other than -0. Send the id as a string.`,
  );
}
