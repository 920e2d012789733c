import { getNamedType, isNonNullType, type GraphQLArgument, type GraphQLField } from "graphql";
import { describe, expect, it } from "vitest";
import { schema } from "../../../src/graphql/schema.js";
import { openApi } from "../../api/api.js";

/** A value of each type that every resolver rejects. */
const INVALID: Readonly<Record<string, string>> = { String: `"\\u0000"`, ID: `"\\u0000"`, Int: "-1" };

const ROOTS = Object.values(schema.getQueryType()!.getFields());

/** Each argument of each root that can have an invalid value. */
const CASES = ROOTS.flatMap((root) =>
  root.args
    .filter(({ type }) => getNamedType(type).name in INVALID)
    .map((argument) => ({ root: root.name, argument: argument.name, field: fieldWith(root, argument) })),
);

describe("A field of Query", () => {
  it.each(CASES)(
    "does not affect its siblings if its argument is invalid: $root($argument:)",
    async ({ field }) => {
      await using api = await openApi();
      await api.storeTask();

      const { data, errors } = await api.client.ask(
        `{ before: taskCount(database: "neo4j") bad: ${field} after: tasks(database: "neo4j") { totalCount } }`,
      );

      expect(errors).toMatchObject([{ path: ["bad"], extensions: { code: "BAD_USER_INPUT" } }]);
      expect(data).toEqual({ before: 1, bad: null, after: { totalCount: 1 } });
    },
  );

  it("is covered by a case if it has an argument, and is nullable", () => {
    const withArguments = ROOTS.filter(({ args }) => args.length > 0);

    expect(withArguments.map(({ name }) => name)).toEqual([...new Set(CASES.map(({ root }) => root))]);
    expect(withArguments.map(({ type }) => isNonNullType(type))).not.toContain(true);
  });
});

function fieldWith({ name, args, type }: GraphQLField<unknown, unknown>, invalid: GraphQLArgument): string {
  const given = args
    .filter((argument) => argument === invalid || isNonNullType(argument.type))
    .map((argument) => `${argument.name}: ${valueOf(argument, argument === invalid)}`);
  const selection = getNamedType(type).name === "Int" ? "" : "{ __typename }";
  return `${name}(${given.join(", ")}) ${selection}`;
}

/** A list of one for a list, since GraphQL coerces an item to a list. */
function valueOf({ type }: GraphQLArgument, isInvalid: boolean): string {
  const name = getNamedType(type).name;
  return isInvalid ? INVALID[name]! : name === "Int" ? "1" : `"d"`;
}
