import { execute, getIntrospectionQuery, Kind, parse, type OperationDefinitionNode } from "graphql";
import { describe, expect, it } from "vitest";
import { DocumentCost } from "../../../src/graphql/pipeline/document-cost.js";
import { schema } from "../../../src/graphql/schema.js";
import { DEFAULT_LIMITS } from "../../../src/protocol/limits.js";

/** The largest introspection query of GraphiQL, code generators and Apollo. */
const STANDARD = getIntrospectionQuery({
  descriptions: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
});

/** Documents that ask little text for a large answer. */
const MULTIPLIED: readonly (readonly [string, string])[] = [
  ["types, fields and arguments", "types { name fields { name args { name type { name } } } }"],
  ["nested types", "types { fields { type { ofType { fields { name type { ofType { name } } } } } } }"],
  [
    "descriptions",
    "types { description fields { description args { description } } enumValues { description } }",
  ],
  ["a fragment", "types { ...F }"],
  ["inline fragments", "types { ... on __Type { fields { ... { ...G } } enumValues { name } } }"],
];

const FRAGMENTS = `
  fragment F on __Type { fields { ...G } inputFields { name } }
  fragment G on __Field { name args { name type { name kind ofType { name } } } }
`;

describe("The cost of introspection", () => {
  it("lets the largest introspection query of common tools pass the default limit", () => {
    expect(costOf(STANDARD, DEFAULT_LIMITS.queryCostMax)).toBeUndefined();
  });

  it.each([
    ["the schema", "{ __schema { queryType { name } directives { name args { name } } } }"],
    ["a type", `{ __type(name: "UserTask") { name fields { name args { name type { name } } } } }`],
    ["types in types", `{ __type(name: "Query") { fields { type { ofType { fields { name } } } } } }`],
    ["an unknown type", `{ __type(name: "Nothing") { fields { name } } }`],
    ["deprecated items", "{ __schema { types { fields(includeDeprecated: true) { name } } } }"],
    ["fragments", "{ __schema { types { ...F } } } fragment F on __Type { name ... { kind __typename } }"],
    ["the standard query", STANDARD],
  ])("counts each field of the answer 15 times: %s", (_, query) => {
    const { data } = execute({ schema, document: parse(query) }) as { data: object };

    const cost = 15 * fieldsIn(data);

    expect([costOf(query, cost), costOf(query, cost - 1)]).toEqual([undefined, cost]);
  });

  it.each(MULTIPLIED)("grows with each alias, above the default limit: %s", (_, selection) => {
    const uses = Array.from({ length: 30 }, (__, index) => `a${index}: __schema { ${selection} }`);

    const cost = costOf(`{ ${uses.join(" ")} } ${FRAGMENTS}`, DEFAULT_LIMITS.queryCostMax);

    expect(cost).toBeGreaterThan(0);
  });

  it("counts the type that a variable names, and the largest type before the variable is known", () => {
    const query = "query ($name: String!) { __type(name: $name) { fields { name } } }";
    const cost = new DocumentCost(schema, parse(query), { ...DEFAULT_LIMITS, queryCostMax: 100 });

    const ofNode = cost.limitError(operationIn(query), { name: "Node" });
    const ofUserTask = cost.limitError(operationIn(query), { name: "UserTask" });

    expect(cost.isAlwaysWithin).toBe(false);
    expect([ofNode, ofUserTask?.extensions.limit]).toEqual([undefined, "queryCostMax"]);
  });
});

describe("The cost of an empty page", () => {
  it.each([
    `tasks(database: "d", first: 0) { totalCount nodes { id task { progress { done } } } }`,
    `tasks(database: "d", last: 0) { edges { node { id } } }`,
    "databases(first: 0) { name usernames }",
    `listProgress(database: "d", first: 0) { jobId }`,
  ])("is that of its field alone: %s", (field) => {
    expect(costOf(`{ ${field} }`, 1)).toBeUndefined();
  });
});

/** The cost if it is above the limit. */
function costOf(query: string, queryCostMax: number): number | undefined {
  const cost = new DocumentCost(schema, parse(query), { ...DEFAULT_LIMITS, queryCostMax });
  const error = cost.limitError(operationIn(query), {});
  return error && Number(/\d+/.exec(error.message));
}

function operationIn(query: string): OperationDefinitionNode {
  const isOperation = (node: { kind: Kind }): node is OperationDefinitionNode =>
    node.kind === Kind.OPERATION_DEFINITION;
  return parse(query).definitions.find(isOperation)!;
}

function fieldsIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce<number>((sum, item) => sum + fieldsIn(item), own);
}
