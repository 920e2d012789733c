import { getVariableValues, parse, validate, type OperationDefinitionNode } from "graphql";
import { describe, expect, it } from "vitest";
import { InputReaders } from "../../src/graphql/compiled/input-readers.js";
import { schema } from "../../src/graphql/schema.js";
import { scalarInputNamesOf, scalarInputsOf, type ScalarInput } from "../kit/server/scalar-inputs.js";

const INPUTS = scalarInputsOf(schema);
const IDS = INPUTS.filter(({ type }) => type === "ID");
const NUMBERS = INPUTS.filter(({ type }) => type === "SafeInt" || type === "Int");
const NATURALS = INPUTS.filter(({ type }) => type === "SafeInt");

const REJECTED_IDS = [
  1234567890123456788, // eslint-disable-line no-loss-of-precision -- the value that a JSON parser makes of it
  2 ** 53,
  -(2 ** 53),
  1e21,
  1.5,
  -0,
  Infinity,
  true,
  false,
  {},
  { a: 1 },
] as const;

const REJECTED_ID_LITERALS = [
  "1234567890123456788",
  "1234567890123456789",
  "9007199254740992",
  "-9007199254740992",
  "9".repeat(400),
  "-0",
  "1.0",
  "1.5",
  "1e3",
  "1E3",
  "0.1e1",
  "true",
  "false",
  "RUNNING",
  "{}",
  "{a: 1}",
];

const ACCEPTED_IDS = ["", "1234567890123456789", "1e3", "-0", "true", "é"] as const;
const ACCEPTED_INTEGERS = [0, 7, -7, 2 ** 53 - 1, -(2 ** 53 - 1)] as const;

describe("This test", () => {
  it.each(["ID", "SafeInt"])(
    "covers each argument and each field of an input object of type %s",
    (scalar) => {
      const covered = INPUTS.filter(({ type }) => type === scalar).map(({ name }) => name);

      expect(covered.toSorted()).toEqual(scalarInputNamesOf(schema, scalar).toSorted());
      expect(covered.length).toBeGreaterThan(5);
    },
  );
});

describe.each(IDS)("An ID input: $name", (input) => {
  it.each(REJECTED_IDS)("rejects %j as a variable, in graphql-js and compiled", (value) => {
    expect(() => byGraphqlJs(input, value)).toThrow("Send the id as a string");
    expect(() => compiled(input, value)).toThrow("Send the id as a string");
  });

  it.each(REJECTED_ID_LITERALS)("rejects the literal %s", (literal) => {
    expect(validate(schema, parse(input.document(literal))).map(({ message }) => message)).toEqual([
      expect.stringContaining("Send the id as a string"),
    ]);
  });

  it.each(ACCEPTED_IDS)("reads the string %j unchanged", (value) => {
    expect([byGraphqlJs(input, value), compiled(input, value)]).toEqual([value, value]);
    expect(validate(schema, parse(input.document(JSON.stringify(value))))).toEqual([]);
  });

  it.each(ACCEPTED_INTEGERS)("reads %j as the same id in a variable and in a literal", (value) => {
    expect([byGraphqlJs(input, value), compiled(input, value)]).toEqual([String(value), String(value)]);
    expect(validate(schema, parse(input.document(String(value))))).toEqual([]);
  });
});

describe.each(NUMBERS)("An input of a whole number: $name", (input) => {
  it.each([2 ** 53, -(2 ** 53), 1.5, "1", true, {}])("rejects %j as a variable", (value) => {
    expect(() => byGraphqlJs(input, value)).toThrow(/Int cannot represent|from 0 to/);
    expect(() => compiled(input, value)).toThrow(/Int cannot represent|from 0 to/);
  });

  it.each(["9007199254740992", "9007199254740993", "1.0", "1e3", `"1"`, "true", "RUNNING"])(
    "rejects the literal %s",
    (literal) => {
      expect(validate(schema, parse(input.document(literal)))).toHaveLength(1);
    },
  );
});

describe.each(NATURALS)("A SafeInt input: $name", (input) => {
  it.each([-1, 0.5, 1e21])("rejects %j as a variable", (value) => {
    expect(() => byGraphqlJs(input, value)).toThrow("from 0 to 9007199254740991");
    expect(() => compiled(input, value)).toThrow("from 0 to 9007199254740991");
  });

  it("reads -0 as 0", () => {
    expect([byGraphqlJs(input, -0), compiled(input, -0)]).toEqual([0, 0]);
  });

  it.each([0, 2 ** 53 - 1])("reads %j", (value) => {
    expect([byGraphqlJs(input, value), compiled(input, value)]).toEqual([value, value]);
    expect(validate(schema, parse(input.document(String(value))))).toEqual([]);
  });
});

/** The value that graphql-js reads from a variable. @throws GraphQLError */
function byGraphqlJs(input: ScalarInput, value: unknown): unknown {
  const { coerced, errors } = getVariableValues(schema, definitionsOf(input), { v: input.argument(value) });
  if (!coerced) throw errors![0]!;
  return input.valueIn(coerced["v"]);
}

/** The value that a compiled operation reads from a variable. */
function compiled(input: ScalarInput, value: unknown): unknown {
  const read = new InputReaders().ofVariables(schema, definitionsOf(input));
  return input.valueIn(read({ v: input.argument(value) })["v"]);
}

function definitionsOf({ operation, argumentType }: ScalarInput) {
  const [definition] = parse(`${operation} ($v: ${argumentType}) { __typename }`).definitions;
  return (definition as OperationDefinitionNode).variableDefinitions!; // safe: see the document
}
