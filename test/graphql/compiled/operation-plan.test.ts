import {
  buildSchema,
  execute,
  getOperationAST,
  parse,
  type GraphQLSchema,
  type GraphQLTypeResolver,
} from "graphql";
import { describe, expect, it } from "vitest";
import { DocumentCompiler } from "../../../src/graphql/compiled/document-compiler.js";
import type { OperationPlan } from "../../../src/graphql/compiled/operation-plan.js";
import { fragmentsOf } from "../../../src/graphql/pipeline/document-cost.js";
import type { OperationParams } from "../../../src/graphql/pipeline/pipeline.js";
import { schema } from "../../../src/graphql/schema.js";
import { openPlanFixture } from "./plan-fixture.js";

type Row = readonly [name: string, request: OperationParams];

const JOB = `database: "neo4j", username: "alice", jobId: "job"`;
const TASK = `fragment T on Task { id path depth description kind status mode currentIteration maxIterations message startedAt endedAt elapsedMs rate maxConcurrency progress { done volume knownVolume ratio percent bar } }`;

const PLANNED: readonly Row[] = [
  [
    "fields that are always skipped",
    {
      query: `{ a: __typename @skip(if: true) b: __typename @include(if: true) a: __typename ... @include(if: false) { c: __typename } }`,
    },
  ],
  ["__typename", { query: "{ __typename }" }],
  ["one job", { query: `{ task(${JOB}) { jobId task { status } } }` }],
  ["no job", { query: `{ task(database: "neo4j", username: "nobody", jobId: "none") { jobId } }` }],
  [
    "every field of a job",
    {
      query: `{ task(${JOB}) { __typename id database username jobId attempt version revision position memory { minBytes maxBytes } eta { likely } health storedAt reportedAt endedAt expiresAt cancelRequest { at by reason } log { at level path message } tasks { ...T subTasks { ...T } } } } ${TASK}`,
    },
  ],
  [
    "a page",
    {
      query: `query page($database: String!, $first: Int = 1, $after: String) { tasks(database: $database, first: $first, after: $after) { totalCount position edges { cursor node { jobId } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
      variables: { database: "neo4j" },
    },
  ],
  [
    "null variables",
    {
      query: `query ($first: Int, $status: [TaskStatus!]) { tasks(database: "neo4j", first: $first, status: $status) { totalCount } }`,
      variables: { first: null, status: null },
    },
  ],
  [
    "a single value for a list",
    {
      query: `query ($status: [TaskStatus!]) { taskCount(database: "neo4j", status: $status) }`,
      variables: { status: "RUNNING" },
    },
  ],
  [
    "a list, and a variable in a literal one",
    {
      query: `query ($a: TaskStatus!, $all: [TaskStatus!]) { a: taskCount(database: "neo4j", status: [$a, PENDING]) b: taskCount(database: "neo4j", status: $all) }`,
      variables: { a: "RUNNING", all: ["RUNNING", "FAILED"] },
    },
  ],
  [
    "unused variables",
    {
      query: `query ($first: Int = 3) { tasks(database: "neo4j", first: $first) { totalCount } }`,
      variables: { other: 1, first: 2 },
    },
  ],
  [
    "a variable that is named like an inherited property",
    {
      query: `query ($constructor: String) { taskCount(database: "neo4j", username: $constructor) }`,
      variables: {},
    },
  ],
  [
    "variables as arguments, one of them omitted",
    {
      query: `query ($w: Int!, $constructor: Int) { task(${JOB}) { task { progress { bar(width: $w) b: bar(width: $constructor) } } } }`,
      variables: { w: 7 },
    },
  ],
  [
    "aliases, and fields that are selected twice",
    {
      query: `{ b: task(${JOB}) { task { status } jobId task { description progress { done } } } a: __typename task(${JOB}) { n: jobId jobId } }`,
    },
  ],
  [
    "a node, with an interface and fragments",
    {
      query: `query ($id: ID!) { node(id: $id) { __typename id ...U ... on UserTask { attempt } ... on Node { i: id } ... { id } } } fragment U on UserTask { jobId ...U2 } fragment U2 on UserTask { version jobId }`,
      variables: { id: idOf(["neo4j", "alice", "job"]) },
    },
  ],
  [
    "nodes, one of which does not exist",
    {
      query: `query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on UserTask { jobId } } }`,
      variables: { ids: [idOf(["neo4j", "alice", "job"]), idOf(["neo4j", "alice", "none"])] },
    },
  ],
  ["omitted arguments", { query: `{ task(${JOB}) { task { progress { bar b: bar(width: 3) } } } }` }],
  ["a database", { query: `{ database(name: "other") { name taskCount } }` }],
  [
    "rows of listProgress",
    {
      query: `{ listProgress(database: "neo4j") { username jobId taskName progress progressBar status timeStarted elapsedTime } }`,
    },
  ],
  [
    "one of two operations",
    { query: `query a { a: __typename } query b { b: __typename }`, operationName: "b" },
  ],
  [
    "a number for an ID",
    {
      query: `query ($id: ID!) { task(database: "neo4j", username: "alice", jobId: $id) { jobId } }`,
      variables: { id: 5 },
    },
  ],
];

const LEFT_TO_GRAPHQL_JS: readonly Row[] = [
  [
    "a fragment that is excluded by default",
    {
      query: `query ($no: Boolean! = false) { b: __typename ...B @include(if: $no) a: __typename } fragment B on Query { a: __typename b: __typename }`,
    },
  ],
  ["databases, which must be loaded first", { query: `{ databases { name position taskCount usernames } }` }],
  ["an omitted variable", { query: `query ($d: String!) { taskCount(database: $d) }` }],
  ["a null variable", { query: `query ($d: String!) { taskCount(database: $d) }`, variables: { d: null } }],
  [
    "a variable of the wrong type",
    { query: `query ($d: String!) { taskCount(database: $d) }`, variables: { d: { a: 1 } } },
  ],
  [
    "two variables of the wrong type",
    {
      query: `query ($d: String!, $s: [TaskStatus!]) { taskCount(database: $d, status: $s) }`,
      variables: { d: 1, s: ["RUNNING", "NONE", null] },
    },
  ],
  [
    "a nullable variable for a non-null argument",
    {
      query: `query ($w: Int = 3) { task(${JOB}) { task { progress { bar(width: $w) } } } }`,
      variables: { w: null },
    },
  ],
  ["a rejected field", { query: `{ taskCount(database: "") }` }],
  ["a rejected field between others", { query: `{ a: __typename taskCount(database: "") b: __typename }` }],
  [
    "a rejected non-null field",
    { query: `{ a: __typename database(name: "neo4j") { name usernames(first: -1) } }` },
  ],
  [
    "a rejected field in each item of a list",
    { query: `{ tasks(database: "neo4j") { nodes { jobId log(last: 1000000) { path } } } a: __typename }` },
  ],
  [
    "two rejected fields",
    {
      query: `{ task(${JOB}) { task { progress { bar(width: 0) } } } b: task(${JOB}) { task { progress { bar(width: 101) percent } } } }`,
    },
  ],
  [
    "a job id that does not exist",
    { query: `{ listProgress(database: "neo4j", jobId: "none") { taskName } }` },
  ],
  ["an invalid id", { query: `{ node(id: "none") { id } nodes(ids: ["none"]) { id } }` }],
  ["an invalid position", { query: `query ($p: Position) { __typename }`, variables: { p: "none" } }],
  [
    "an answer over its budget",
    {
      query: `{ a: task(${JOB}) { tasks { path } } b: task(${JOB}) { tasks { path } } c: task(${JOB}) { tasks { path } } }`,
    },
  ],
  [
    "introspection",
    {
      query: `{ __schema { queryType { name } types { name kind } } __type(name: "Task") { fields { name type { name ofType { name } } } } }`,
    },
  ],
  [
    "a field that a variable excludes",
    {
      query: `query ($no: Boolean!) { a: __typename @skip(if: $no) b: __typename a: __typename }`,
      variables: { no: true },
    },
  ],
  [
    "a fragment that a variable excludes",
    {
      query: `query ($no: Boolean = false) { ... @include(if: $no) { a: __typename } ...B @skip(if: $no) } fragment B on Query { b: __typename }`,
    },
  ],
  [
    "a variable that is named __proto__",
    {
      query: `query ($__proto__: String) { taskCount(database: "neo4j", username: $__proto__) }`,
      variables: JSON.parse(`{ "__proto__": "alice" }`) as Record<string, unknown>,
    },
  ],
  [
    "aliases that are named like inherited properties",
    { query: `{ __proto__: __typename constructor: __typename toString: __typename }` },
  ],
];

/** Mutations that a plan performs. In some cases graphql-js builds the result. */
const MUTATIONS: readonly Row[] = [
  [
    "an answer over its budget",
    {
      query: `mutation ($i: UpdateTaskInput!) { updateTask(input: $i) { userTask { a: tasks { path } b: tasks { path } c: tasks { path } } } }`,
      variables: { i: report({ add: 4 }) },
    },
  ],
  [
    "a report",
    {
      query: `mutation ($i: UpdateTaskInput!) { updateTask(input: $i) { userTask { version task { progress { percent } } } } }`,
      variables: { i: report({ done: 4 }) },
    },
  ],
  [
    "a report in the document",
    {
      query: `mutation { updateTask(input: { ${JOB}, updates: [{ path: "0", done: 4, message: "on it" }], log: { message: "x" } }) { userTask { log { message level } tasks { message progress { done } } } } }`,
    },
  ],
  [
    "a report with a variable in it",
    {
      query: `mutation ($p: String, $done: SafeInt, $l: [LogInput!]) { updateTask(input: { ${JOB}, updates: { path: $p, done: $done }, log: $l }) { userTask { version log { message } } } }`,
      variables: { l: [{ message: "a" }] },
    },
  ],
  [
    "reports, one of which is rejected",
    {
      query: `mutation ($i: [UpdateTaskInput!]!) { updateTasks(inputs: $i) { userTask { version } error { code message } } }`,
      variables: { i: [report({ done: 1 }), { ...report({ done: 2 }), attempt: 7 }, report({ done: 3 })] },
    },
  ],
  [
    "two changes in sequence",
    {
      query: `mutation ($a: UpdateTaskInput!, $b: UpdateTaskInput!) { a: updateTask(input: $a) { userTask { version } } t: __typename b: updateTask(input: $b) { userTask { version } } }`,
      variables: { a: report({ done: 2 }), b: report({ done: 3 }) },
    },
  ],
  [
    "a tree",
    {
      query: `mutation ($i: StoreTaskInput!) { storeTask(input: $i) { outcome userTask { attempt tasks { path description kind } memory { minBytes maxBytes } } } }`,
      variables: {
        i: {
          database: "neo4j",
          username: "alice",
          jobId: "job",
          memory: { minBytes: 1, maxBytes: 2 },
          task: {
            description: "root",
            subTasks: [
              { description: "a", subTasks: [{ description: "b", volume: 3 }] },
              { description: "i", iterations: { mode: "FIXED", max: 2, tasks: [{ description: "c" }] } },
            ],
          },
        },
      },
    },
  ],
  [
    "more tasks",
    {
      query: `mutation ($i: AddTasksInput!) { addTasks(input: $i) { userTask { tasks { path } } } }`,
      variables: { i: { database: "neo4j", username: "alice", jobId: "job", tasks: [{ description: "d" }] } },
    },
  ],
  [
    "a removal",
    {
      query: `mutation { removeTask(input: { ${JOB} }) { userTask { version } } again: removeTask(input: { ${JOB} }) { userTask { version } } }`,
    },
  ],
  ["a purge", { query: `mutation { purgeDatabase(database: "neo4j") { removed } }` }],
  [
    "a rejected report",
    {
      query: `mutation ($i: UpdateTaskInput!) { updateTask(input: $i) { userTask { version } } }`,
      variables: { i: { ...report({ done: 4 }), attempt: 7 } },
    },
  ],
  [
    "a rejected report between others",
    {
      query: `mutation ($a: UpdateTaskInput!, $b: UpdateTaskInput!) { a: updateTask(input: $a) { userTask { version } } t: updateTask(input: $b) { userTask { version } } c: updateTask(input: $a) { userTask { version } } }`,
      variables: { a: report({ add: 2 }), b: { ...report({ done: 3 }), database: "" } },
    },
  ],
  [
    "a change whose answer would be rejected in part",
    {
      query: `mutation ($i: UpdateTaskInput!) { updateTask(input: $i) { userTask { version task { progress { bar(width: 0) } } } } b: __typename }`,
      variables: { i: report({ add: 4 }) },
    },
  ],
  [
    "a change with a rejected argument",
    {
      query: `mutation ($i: UpdateTaskInput = { ${JOB} }) { a: purgeDatabase(database: "none") { removed } updateTask(input: $i) { userTask { version } } }`,
      variables: { i: null },
    },
  ],
  [
    "an unknown field",
    {
      query: `mutation ($i: UpdateTaskInput!) { updateTask(input: $i) { userTask { version } } }`,
      variables: { i: { ...report({ done: 4 }), nothing: 1, jobid: "x" } },
    },
  ],
  [
    "an omitted required field",
    {
      query: `mutation ($i: UpdateTaskInput!) { updateTask(input: $i) { userTask { version } } }`,
      variables: { i: { database: "neo4j" } },
    },
  ],
  [
    "a number out of range",
    {
      query: `mutation ($i: UpdateTaskInput!) { updateTask(input: $i) { userTask { version } } }`,
      variables: { i: { ...report({ done: 2 ** 53 }), attempt: 2 ** 40 } },
    },
  ],
  [
    "an input of the wrong type",
    {
      query: `mutation ($i: UpdateTaskInput!, $j: UpdateTaskInput!) { a: updateTask(input: $i) { userTask { version } } b: updateTask(input: $j) { userTask { version } } }`,
      variables: { i: [1], j: "x" },
    },
  ],
  [
    "null for a field with a default",
    {
      query: `mutation ($i: StoreTaskInput!) { storeTask(input: $i) { outcome } }`,
      variables: { i: { database: "neo4j", jobId: "x", task: { description: "a" }, onConflict: null } },
    },
  ],
  [
    "a tree with an error deep in it",
    {
      query: `mutation ($i: StoreTaskInput!) { storeTask(input: $i) { outcome } }`,
      variables: {
        i: {
          database: "neo4j",
          task: { description: "a", subTasks: [{ description: "b", subTasks: [{ volume: -1 }] }] },
        },
      },
    },
  ],
];

describe("A repeated operation has the same answer as its first execution", () => {
  it.each(PLANNED)("a query: %s", async (_, request) => {
    await using world = await openPlanFixture();
    const answer = await world.answer(request);

    expect(JSON.stringify(world.runPlan(request))).toBe(JSON.stringify(answer));
    expect(JSON.stringify(await world.answerAgain(request))).toBe(JSON.stringify(answer));
  });

  it.each(LEFT_TO_GRAPHQL_JS)("a query left to graphql-js: %s", async (_, request) => {
    await using world = await openPlanFixture({ itemsPerAnswerMax: 15 });
    const answer = await world.answer(request);

    expect(world.runPlan(request)).toBeUndefined();
    expect(JSON.stringify(await world.answerAgain(request))).toBe(JSON.stringify(answer));
  });

  it.each(MUTATIONS)("a mutation: %s", async (_, request) => {
    await using first = await openPlanFixture({ itemsPerAnswerMax: 15 });
    await using again = await openPlanFixture({ itemsPerAnswerMax: 15 });
    const answer = await first.answer(request);

    expect(JSON.stringify(await again.answerAgain(request))).toBe(JSON.stringify(answer));
    expect(await again.state()).toBe(await first.state());
  });
});

describe("A plan", () => {
  const query = `subscription ($after: Position) { taskEvents(database: "neo4j", after: $after) { __typename position at ... on Reset { cause } ... on TaskStored { outcome userTask { ...U } } ... on TaskUpdated { userTask { ...U } changed { path elapsedMs } } ... on TaskRemoved { username jobId reason } } } fragment U on UserTask { jobId task { status progress { percent bar } } }`;

  it.each(["Reset", "TaskStored", "TaskUpdated", "TaskRemoved", "CaughtUp"] as const)(
    "executes the event %s as graphql-js does",
    async (kind) => {
      await using world = await openPlanFixture();
      const [event, contextValue] = [await world.event(kind), world.context()];
      const document = parse(query);

      const { data, errors } = execute({ schema, document, rootValue: event, contextValue }) as Executed;
      expect(errors).toBeUndefined();
      expect(JSON.stringify(planOf(schema, query)?.bind({})?.execute(contextValue, event))).toBe(
        JSON.stringify(data),
      );
    },
  );

  it("executes the event of a job that does not exist", async () => {
    await using world = await openPlanFixture();
    const text = `subscription { task(${JOB}) { jobId } }`;
    expect(planOf(schema, text)?.bind({})?.execute(world.context(), null)).toEqual({ task: null });
  });
});

describe("A plan bails out", () => {
  const things = buildSchema(`
    interface Named { name: String! }
    type Thing implements Named { name: String!, size(in: Unit = CM): Int, parts: [Thing!]!, some: [Thing], kind: Unit, any: Anything }
    scalar Anything
    union Any = Thing
    enum Unit { CM M }
    input Box { cm: Int!, m: Int = 2 }
    input Measure @oneOf { cm: Int, m: Int }
    type Query { thing: Thing, named: Named, any: Any, measured(by: Measure): Int, boxed(box: Box): Int }
    type Mutation { thing: Thing! }
  `);
  const query = "{ thing { name size parts { name } some { name } kind any } }";
  const thing = {
    name: "a",
    size: 1,
    parts: [{ name: "b" }],
    some: [null, { name: "c" }],
    kind: "CM",
    any: 1,
  };

  it("on no valid value", () => {
    expect(run(things, query, { thing })).toEqual({ thing });
    expect(run(things, query, { thing: { ...thing, size: undefined, some: null } })).toEqual({
      thing: { ...thing, size: null, some: null },
    });
  });

  it.each([
    ["null for a non-null field", { name: null }],
    ["null in a list of non-null items", { parts: [null] }],
    ["an error instead of a value", { some: [new Error("none")] }],
    ["an error instead of a leaf", { any: new Error("none") }],
    ["a value outside of an enum", { kind: "INCH" }],
    ["a text instead of a number", { size: "large" }],
    ["a promise", { any: Promise.resolve(1) }],
    ["a promise in a list", { parts: [Promise.resolve({ name: "b" })] }],
    ["an iterable that is not an array", { parts: new Set([{ name: "b" }]) }],
    ["a value that is not a list", { parts: "b" }],
    ["a method", { any: () => 1 }],
  ])("on %s", (_, change) => {
    expect(run(things, query, { thing: { ...thing, ...change } })).toBeUndefined();
  });

  it("on a value that is not an object", () => {
    expect(run(things, query, { thing: "text" })).toBeUndefined();
    expect(run(things, query, { thing: Promise.resolve(thing) })).toBeUndefined();
    expect(run(things, query, { thing: new Error("none") })).toBeUndefined();
  });

  it("on an abstract type without a type resolver", () => {
    expect(planOf(things, "{ named { name } }")).toBeUndefined();
    expect(planOf(things, "{ any { __typename } }")).toBeUndefined();
  });

  it("on an impossible type, and on a type resolver that reads the GraphQLResolveInfo", () => {
    expect(
      run(
        withTypeOf(things, () => "Thing"),
        "{ named { name } }",
        { named: thing },
      ),
    ).toEqual({
      named: { name: "a" },
    });
    expect(
      run(
        withTypeOf(things, () => "Query"),
        "{ named { name } }",
        { named: thing },
      ),
    ).toBeUndefined();
    const byInfo = withTypeOf(things, (_, __, { schema: known }) => known.getType("Thing")?.name);
    expect(run(byInfo, "{ named { name } }", { named: thing })).toBeUndefined();
  });

  it("on a type with isTypeOf", () => {
    const checking = buildSchema("type Query { thing: Thing } type Thing { name: String }");
    Object.assign(checking.getType("Thing")!, { isTypeOf: () => true });
    expect(planOf(checking, "{ thing { name } }")).toBeUndefined();
  });

  it("on a resolver that reads the GraphQLResolveInfo", () => {
    const reading = buildSchema("type Query { a: String }");
    const resolve = (_: unknown, __: unknown, ___: unknown, info: { fieldName: string }) => info.fieldName;
    Object.assign(reading.getQueryType()!.getFields()["a"]!, { resolve });
    expect(planOf(reading, "{ a }")).toBeUndefined();
  });

  it.each([
    [{}],
    [{ box: null }],
    [{ box: {} }],
    [{ box: { cm: null } }],
    [{ box: { cm: "1" } }],
    [{ box: { cm: 1, mm: 1 } }],
    [{ box: [] }],
    [{ box: "1" }],
  ])("on the variables %j", (variables) => {
    const plan = planOf(things, "query ($box: Box!) { boxed(box: $box) }");
    expect(plan?.bind({ box: { cm: 1 } })).toBeDefined();
    expect(plan?.bind(variables)).toBeUndefined();
  });

  it("on a oneOf input", () => {
    const plan = planOf(things, "query ($by: Measure) { measured(by: $by) }");
    expect(plan?.bind({})).toBeDefined();
    expect(plan?.bind({ by: { cm: 1 } })).toBeUndefined();
  });

  it("on a mutation with a non-null field, which must stop after a failure", () => {
    expect(planOf(things, "mutation { thing { name } }")).toBeUndefined();
  });
});

/** The result of a graphql-js execution without promises. */
type Executed = Exclude<ReturnType<typeof execute>, PromiseLike<unknown>>;

function run(of: GraphQLSchema, query: string, rootValue: unknown): unknown {
  return planOf(of, query)?.bind({})?.execute(undefined, rootValue);
}

function planOf(of: GraphQLSchema, query: string): OperationPlan | undefined {
  const document = parse(query);
  const { byOperation } = new DocumentCompiler(of).compile(document, fragmentsOf(document));
  return byOperation.get(getOperationAST(document)!);
}

function withTypeOf(of: GraphQLSchema, resolveType: GraphQLTypeResolver<unknown, unknown>): GraphQLSchema {
  Object.assign(of.getType("Named")!, { resolveType });
  return of;
}

function idOf(parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

function report(update: object): Record<string, unknown> {
  return { database: "neo4j", username: "alice", jobId: "job", updates: [{ path: "0", ...update }] };
}
