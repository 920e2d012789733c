import type { Limits } from "../../src/protocol/limits.js";
import type { GraphqlRequest } from "../kit/network/raw-http.js";
import {
  addTasks,
  SERVER_JOB_KEY,
  repeated,
  requestCancel,
  store,
  storeTask,
  update,
  updateTask,
} from "./jobs.js";
import { CHANGING_TRANSPORTS, API_TRANSPORTS, WATCHING_TRANSPORTS, type Transport } from "./transports.js";

/**
 * Law 16: requests at and above each limit, for every transport that can carry them. A limit that one transport skips
 * is useless.
 */
interface Row {
  readonly limit: keyof Limits;
  /** What the limit bounds. */
  readonly what: string;
  readonly bound: number;
  /** At the limit: succeeds. */
  readonly within: GraphqlRequest;
  /** One above the limit: fails. */
  readonly above: GraphqlRequest;
  /** BAD_USER_INPUT for names and texts; otherwise LIMIT_EXCEEDED. */
  readonly code?: "BAD_USER_INPUT";
  readonly prepare?: (url: string) => Promise<unknown>;
}

const DOCUMENTS: readonly Row[] = [
  {
    limit: "documentBytesMax",
    what: "a document",
    bound: 40,
    within: { query: "{ __typename }".padEnd(40) },
    above: { query: "{ __typename }".padEnd(41) },
  },
  {
    limit: "documentBytesMax",
    what: "a document of fewer characters than bytes",
    bound: 40,
    within: { query: "{ __typename } #ééé".padEnd(37) },
    above: { query: "{ __typename } #éééé".padEnd(37) },
  },
  {
    limit: "documentTokensMax",
    what: "a document",
    bound: 10,
    within: { query: `{ ${"__typename ".repeat(8)} }` },
    above: { query: `{ ${"__typename ".repeat(9)} }` },
  },
  {
    limit: "documentDepthMax",
    what: "fields",
    bound: 3,
    within: { query: `{ tasks(database: "d") { nodes { task { path } } } }` },
    above: { query: `{ tasks(database: "d") { nodes { task { subTasks { path } } } } }` },
  },
  {
    limit: "documentDepthMax",
    what: "fields in fragments",
    bound: 3,
    within: {
      query: `{ tasks(database: "d") { ...A } }
        fragment A on UserTaskConnection { ... on UserTaskConnection { nodes { ...B } } }
        fragment B on UserTask { task { path } }`,
    },
    above: {
      query: `{ tasks(database: "d") { ...A } }
        fragment A on UserTaskConnection { ... on UserTaskConnection { nodes { ...B } } }
        fragment B on UserTask { task { subTasks { path } } }`,
    },
  },
  {
    limit: "documentDepthMax",
    what: "introspection",
    bound: 3,
    within: { query: "{ __schema { types { fields { name } } } }" },
    above: { query: "{ __schema { types { fields { type { name } } } } }" },
  },
  {
    limit: "documentAliasesMax",
    what: "a document",
    bound: 2,
    within: { query: "{ a: __typename b: __typename }" },
    above: { query: "{ a: __typename b: __typename c: __typename }" },
  },
  {
    limit: "documentAliasesMax",
    what: "a fragment, counted as often as it is spread",
    bound: 2,
    within: { query: "{ ...A ...A } fragment A on Query { a: __typename }" },
    above: { query: "{ ...A ...A ...A } fragment A on Query { a: __typename }" },
  },
  {
    limit: "documentDirectivesMax",
    what: "fields",
    bound: 2,
    within: { query: "{ __typename @skip(if: false) @include(if: true) }" },
    above: { query: "{ __typename @skip(if: false) @include(if: true) ... @skip(if: true) { __typename } }" },
  },
  {
    limit: "documentDirectivesMax",
    what: "a fragment, counted as often as it is spread",
    bound: 2,
    within: { query: "{ ...A ...A } fragment A on Query { __typename @skip(if: true) }" },
    above: { query: "{ ...A ...A ...A } fragment A on Query { __typename @skip(if: true) }" },
  },
  {
    limit: "variablesDepthMax",
    what: "variables",
    bound: 3,
    within: { query: "{ __typename }", variables: { a: [{ b: {} }] } },
    above: { query: "{ __typename }", variables: { a: [{ b: [{}] }] } },
  },
  {
    limit: "variablesDepthMax",
    what: "variables nested deeper than a stack is",
    bound: 3,
    within: { query: "{ __typename }" },
    above: { query: "{ __typename }", variables: { a: nested(2_000) } },
  },
  {
    limit: "queryCostMax",
    what: "a page",
    bound: 9,
    within: { query: `{ tasks(database: "d", first: 2) { nodes { id jobId } } }` },
    above: { query: `{ tasks(database: "d", first: 3) { nodes { id jobId } } }` },
  },
  {
    limit: "queryCostMax",
    what: "a page whose size is a variable",
    bound: 9,
    within: {
      query: `query ($n: Int = 9) { tasks(database: "d", first: $n) { nodes { id } } }`,
      variables: { n: 4 },
    },
    above: { query: `query ($n: Int = 9) { tasks(database: "d", first: $n) { nodes { id } } }` },
  },
  {
    limit: "queryCostMax",
    what: "pages in pages",
    bound: 20,
    within: { query: `{ tasks(database: "d", last: 2) { nodes { log(last: 3) { message level } } } }` },
    above: { query: `{ tasks(database: "d", last: 2) { nodes { log(last: 4) { message level } } } }` },
  },
  {
    limit: "queryCostMax",
    what: "pages in fragments",
    bound: 10,
    within: {
      query: `{ a: tasks(database: "d", first: 2) { ...F } b: tasks(database: "d", first: 2) { ...F } } fragment F on UserTaskConnection { nodes { id } }`,
    },
    above: {
      query: `{ a: tasks(database: "d", first: 2) { ...F } b: tasks(database: "d", first: 3) { ...F } } fragment F on UserTaskConnection { nodes { id } }`,
    },
  },
  {
    limit: "queryCostMax",
    what: "nodes",
    bound: 5,
    within: {
      query: "query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }",
      variables: { ids: nodeIds(2) },
    },
    above: {
      query: "query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }",
      variables: { ids: nodeIds(3) },
    },
  },
  {
    limit: "queryCostMax",
    what: "rows",
    bound: 5,
    within: { query: `{ listProgress(database: "d", first: 2) { jobId progress } }` },
    above: { query: `{ listProgress(database: "d") { jobId progress } }` },
  },
  {
    limit: "queryCostMax",
    what: "introspection",
    bound: 100,
    within: { query: `{ __type(name: "Node") { name fields { name } } }` },
    above: { query: `{ a: __type(name: "Node") { name fields { name } } b: __schema { types { name } } }` },
  },
];

const READING: readonly Row[] = [
  {
    limit: "pageSizeMax",
    what: "the first tasks",
    bound: 2,
    within: { query: `{ tasks(database: "d", first: 2) { totalCount } }` },
    above: { query: `{ tasks(database: "d", first: 3) { totalCount } }` },
  },
  {
    limit: "pageSizeMax",
    what: "the last tasks",
    bound: 2,
    within: { query: `{ tasks(database: "d", last: 2) { totalCount } }` },
    above: { query: `{ tasks(database: "d", last: 3) { totalCount } }` },
  },
  {
    limit: "pageSizeMax",
    what: "databases",
    bound: 2,
    within: { query: "{ databases(first: 2) { name } }" },
    above: { query: "{ databases(first: 3) { name } }" },
  },
  {
    limit: "pageSizeMax",
    what: "usernames",
    bound: 2,
    prepare: store,
    within: { query: `{ database(name: "d") { usernames(first: 2) } }` },
    above: { query: `{ database(name: "d") { usernames(first: 3) } }` },
  },
  {
    limit: "nodesPerRequestMax",
    what: "nodes",
    bound: 2,
    within: { query: "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", variables: { ids: nodeIds(2) } },
    above: { query: "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", variables: { ids: nodeIds(3) } },
  },
  {
    limit: "rowsMax",
    what: "rows",
    bound: 2,
    within: { query: `{ listProgress(database: "d", first: 2) { jobId } }` },
    above: { query: `{ listProgress(database: "d", first: 3) { jobId } }` },
  },
  {
    limit: "itemsPerAnswerMax",
    what: "the tasks of an answer",
    bound: 2,
    prepare: store,
    within: { query: `{ task(database: "d", username: "u", jobId: "j") { tasks { path } } }` },
    above: {
      query: `{ task(database: "d", username: "u", jobId: "j") { a: tasks { path } b: tasks { path } c: tasks { path } } }`,
    },
  },
  ...nameRows("database", (name) => `{ tasks(database: "${name}") { totalCount } }`),
  ...nameRows("username", (name) => `{ task(database: "d", username: "${name}", jobId: "j") { id } }`),
  ...nameRows("jobId", (name) => `{ task(database: "d", username: "u", jobId: "${name}") { id } }`),
];

const CHANGING: readonly Row[] = [
  {
    limit: "inputsPerRequestMax",
    what: "inputs",
    bound: 2,
    within: updateTasks(2),
    above: updateTasks(3),
  },
  {
    limit: "queryCostMax",
    what: "the answers to inputs",
    bound: 5,
    within: updateTasks(2),
    above: updateTasks(3),
  },
  {
    limit: "updatesPerInputMax",
    what: "updates",
    bound: 2,
    prepare: store,
    within: updateTask({ updates: repeated({ message: "m" }, 2) }),
    above: updateTask({ updates: repeated({ message: "m" }, 3) }),
  },
  {
    limit: "logLinesPerInputMax",
    what: "log lines",
    bound: 2,
    prepare: store,
    within: updateTask({ log: repeated({ message: "m" }, 2) }),
    above: updateTask({ log: repeated({ message: "m" }, 3) }),
  },
  {
    limit: "tasksPerTreeMax",
    what: "the tasks of a tree",
    bound: 3,
    within: storeTask({ task: parent(2) }),
    above: storeTask({ task: parent(3) }),
  },
  {
    limit: "tasksPerTreeMax",
    what: "the iterations of a tree",
    bound: 3,
    within: storeTask({ task: iterative("FIXED", 2) }),
    above: storeTask({ task: iterative("FIXED", 3) }),
  },
  {
    limit: "tasksPerTreeMax",
    what: "the tasks that are added",
    bound: 3,
    prepare: (url) => store(url, { task: parent(1) }),
    within: addTasks({ tasks: [{ description: "new" }], requestId: "once" }),
    above: addTasks({ tasks: repeated({ description: "new" }, 2) }),
  },
  {
    limit: "tasksPerTreeMax",
    what: "the iterations that have begun",
    bound: 3,
    prepare: (url) => store(url, { task: iterative("OPEN", undefined) }),
    within: updateTask({ updates: [{ iteration: 2 }] }),
    above: updateTask({ updates: [{ iteration: 3 }] }),
  },
  {
    limit: "levelsPerTreeMax",
    what: "a tree",
    bound: 3,
    within: storeTask({ task: chain(3) }),
    above: storeTask({ task: chain(4) }),
  },
  {
    limit: "levelsPerTreeMax",
    what: "the tasks that are added",
    bound: 3,
    prepare: (url) => store(url, { task: chain(2) }),
    within: addTasks({ tasks: [chain(2)] }),
    above: addTasks({ tasks: [chain(3)] }),
  },
  {
    limit: "jobsPerDatabaseMax",
    what: "jobs",
    bound: 2,
    prepare: (url) => store(url, { jobId: "1" }),
    within: storeTask({ jobId: "2" }),
    above: storeTask({ jobId: "3" }),
  },
  {
    limit: "databasesMax",
    what: "databases",
    bound: 2,
    prepare: (url) => store(url, { database: "1" }),
    within: storeTask({ database: "2" }),
    above: storeTask({ database: "3" }),
  },
  ...textRows("descriptionBytesMax", "a description", (description) => storeTask({ task: { description } })),
  ...textRows("messageTextBytesMax", "a message", (message) => updateTask({ updates: [{ message }] })),
  ...textRows("messageTextBytesMax", "a log line", (message) => updateTask({ log: [{ message }] })),
  {
    limit: "messageTextBytesMax",
    what: "the reason of a cancel request",
    code: "BAD_USER_INPUT",
    bound: 4,
    prepare: (url) => store(url).then(() => store(url, { jobId: "k" })),
    within: requestCancel({ reason: "1234" }),
    above: requestCancel({ jobId: "k", reason: "12345" }),
  },
  ...textRows("nameBytesMax", "database", (database) => storeTask({ database })),
  ...textRows("nameBytesMax", "username", (username) => storeTask({ username })),
  ...textRows("nameBytesMax", "jobId", (jobId) => storeTask({ jobId })),
  ...textRows("nameBytesMax", "requestId", (requestId) => storeTask({ requestId })),
  ...textRows("nameBytesMax", "requestId of a report", (requestId) => updateTask({ requestId })),
];

/** A subscription within the limit must complete: its job has ended. */
const WATCHING: readonly Row[] = [
  {
    limit: "queryCostMax",
    what: "an event",
    bound: 5,
    prepare: storeEnded,
    within: {
      query: `subscription { task(database: "d", username: "u", jobId: "j") { id jobId username version } }`,
    },
    above: {
      query: `subscription { task(database: "d", username: "u", jobId: "j") { id jobId username version attempt } }`,
    },
  },
  {
    limit: "documentDepthMax",
    what: "fields of an event",
    bound: 2,
    prepare: storeEnded,
    within: { query: `subscription { task(database: "d", username: "u", jobId: "j") { task { path } } }` },
    above: {
      query: `subscription { task(database: "d", username: "u", jobId: "j") { task { subTasks { path } } } }`,
    },
  },
  {
    limit: "itemsPerAnswerMax",
    what: "the tasks of an event",
    bound: 10_000,
    prepare: storeEnded,
    within: { query: `subscription { task(database: "d", username: "u", jobId: "j") { tasks { path } } }` },
    above: {
      query: `subscription {
        task(database: "d", username: "u", jobId: "j") { a: tasks { path } b: tasks { path } }
      }`,
    },
  },
  {
    limit: "nameBytesMax",
    what: "jobId to watch",
    bound: 4,
    code: "BAD_USER_INPUT",
    prepare: storeEnded,
    within: { query: `subscription { task(database: "d", username: "u", jobId: "j") { id } }` },
    above: { query: `subscription { task(database: "d", username: "u", jobId: "12345") { id } }` },
  },
  {
    limit: "nameBytesMax",
    what: "database to watch",
    bound: 4,
    code: "BAD_USER_INPUT",
    prepare: storeEnded,
    within: { query: `subscription { task(database: "d", username: "u", jobId: "j") { id } }` },
    above: { query: `subscription { taskEvents(database: "12345") { position } }` },
  },
  {
    limit: "nameBytesMax",
    what: "user to count",
    bound: 4,
    code: "BAD_USER_INPUT",
    prepare: storeEnded,
    within: { query: `subscription { task(database: "d", username: "u", jobId: "j") { id } }` },
    above: { query: `subscription { taskCount(database: "d", username: "12345") }` },
  },
];

/** A case on one of the transports that can carry it. */
export interface Case extends Row {
  readonly transport: Transport;
  /** The extensions of the error. */
  readonly extensions: { readonly code: string; readonly limit?: string };
}

export const CASES: readonly Case[] = [
  ...on(API_TRANSPORTS, [...DOCUMENTS, ...READING]),
  ...on(CHANGING_TRANSPORTS, CHANGING),
  ...on(WATCHING_TRANSPORTS, WATCHING),
];

function on(transports: readonly Transport[], rows: readonly Row[]): Case[] {
  return rows.flatMap((row) =>
    transports.map((transport) => ({ ...row, transport, extensions: extensionsOf(row) })),
  );
}

function extensionsOf({ limit, code }: Row): Case["extensions"] {
  return { code: code ?? "LIMIT_EXCEEDED", limit };
}

/** Names above the limit are BAD_USER_INPUT. */
function nameRows(what: string, queryOf: (name: string) => string): Row[] {
  return textRows("nameBytesMax", what, (name) => ({ query: queryOf(name) }));
}

/** The limit counts bytes, not characters. */
function textRows(limit: keyof Limits, what: string, requestOf: (text: string) => GraphqlRequest): Row[] {
  const row = { limit, code: "BAD_USER_INPUT" as const, bound: 4, prepare: store };
  return [
    { ...row, what, within: requestOf("1234"), above: requestOf("12345") },
    { ...row, what: `${what} of two bytes a letter`, within: requestOf("éü"), above: requestOf("éüx") },
  ];
}

function storeEnded(url: string): Promise<unknown> {
  return store(url).then(() => update(url, { updates: [{ status: "FINISHED" }] }));
}

function updateTasks(inputCount: number): GraphqlRequest {
  return {
    query: "mutation ($inputs: [UpdateTaskInput!]!) { updateTasks(inputs: $inputs) { error { code } } }",
    variables: { inputs: repeated(SERVER_JOB_KEY, inputCount) },
  };
}

function parent(leafCount: number): object {
  return { description: "parent", subTasks: repeated({ description: "leaf" }, leafCount) };
}

function iterative(mode: string, max: number | undefined): object {
  return { description: "loop", iterations: { mode, max, tasks: [{ description: "step" }] } };
}

/** A tree with `levels` levels. */
function chain(levels: number): object {
  const leaf = { description: "level" };
  return levels === 1 ? leaf : { ...leaf, subTasks: [chain(levels - 1)] };
}

/** Nested lists. */
function nested(levels: number): unknown {
  return JSON.parse("[".repeat(levels) + "]".repeat(levels));
}

function nodeIds(count: number): string[] {
  return repeated(Buffer.from(`["d","u","j"]`).toString("base64url"), count);
}
