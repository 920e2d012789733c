import { describe, expect, it } from "vitest";
import { ask, dataOf, type GraphqlRequest } from "../kit/network/raw-http.js";
import { startSchemaServer } from "../kit/server/extended-schema-server.js";
import { faultySchema } from "../kit/server/faulty-schema.js";
import { startServer } from "../kit/server/server.js";
import { SERVER_JOB_KEY, store, update } from "./jobs.js";
import { CHANGING_TRANSPORTS, OVER_SSE, OVER_WEBSOCKET, WATCHING_TRANSPORTS } from "./transports.js";

// A mutation whose answer reads as a refusal has changed nothing, and an event that can't be rendered still arrives.

const KEY = `database: "d", username: "u", jobId: "j"`;
const TREE = { description: "root", subTasks: [{ description: "a", volume: 10 }, { description: "b" }] };
const ADD_ONE = { ...SERVER_JOB_KEY, updates: [{ path: "0", add: 1 }] };

/** Each mutation that answers with a job, with a selection of its answer. */
const MUTATIONS: readonly (readonly [name: string, write: (selection: string) => string])[] = [
  [
    "storeTask",
    (selection) =>
      `storeTask(input: { ${KEY}, task: { description: "new", subTasks: [{ description: "a" }, { description: "b" }] } }) ${selection}`,
  ],
  ["updateTask", (selection) => `updateTask(input: { ${KEY}, updates: { path: "0", add: 1 } }) ${selection}`],
  ["addTasks", (selection) => `addTasks(input: { ${KEY}, tasks: { description: "c" } }) ${selection}`],
  ["requestCancel", (selection) => `requestCancel(input: { ${KEY} }) ${selection}`],
  ["removeTask", (selection) => `removeTask(input: { ${KEY} }) ${selection}`],
];

describe.each(CHANGING_TRANSPORTS)("A mutation over $name", (transport) => {
  it.each([
    [
      "too many log lines of updateTasks",
      "updateTasks(inputs: [$input]) { error { code } userTask { log(last: 201) { message } } }",
      "LIMIT_EXCEEDED",
    ],
    [
      "a bar without a width",
      "updateTask(input: $input) { userTask { task { progress { bar(width: 0) } } } }",
      "BAD_USER_INPUT",
    ],
    [
      "a negative number of log lines",
      "updateTask(input: $input) { userTask { log(last: -1) { message } } }",
      "BAD_USER_INPUT",
    ],
  ])("is rejected and not applied if its answer selects %s", async (_, field, code) => {
    await using server = await startServer();
    await store(server.url, { task: TREE });
    using client = await transport.connect(server.url);
    const query = `mutation ($input: UpdateTaskInput!) { ${field} }`;

    const { data, errors } = await client.ask({ query, variables: { input: ADD_ONE } });

    expect(data).toBeUndefined();
    expect(errors).toMatchObject([{ extensions: { code } }]);
    expect(await versionOf(server.url)).toBe(1);
  });

  it.each(MUTATIONS)(
    "is rejected and not applied if the tree does not fit into its answer: %s",
    async (name, write) => {
      await using server = await startServer({ itemsPerAnswerMax: "5" });
      await store(server.url, { task: TREE });
      using client = await transport.connect(server.url);

      const { data, errors } = await client.ask({
        query: `mutation { ${write("{ userTask { tasks { path } again: tasks { path } } }")} }`,
      });

      expect(data).toEqual({ [name]: null });
      expect(errors).toMatchObject([{ extensions: { code: "LIMIT_EXCEEDED", limit: "itemsPerAnswerMax" } }]);
      expect(errors?.[0]?.extensions).not.toHaveProperty("applied");
      expect(await versionOf(server.url)).toBe(1);
    },
  );

  it("applies an input of updateTasks exactly if the input has no error", async () => {
    await using server = await startServer({ itemsPerAnswerMax: "7" });
    for (const jobId of ["1", "2", "3", "4"]) await store(server.url, { jobId, task: TREE });
    await store(server.url, { jobId: "small", task: { description: "leaf" } });
    using client = await transport.connect(server.url);
    const inputs = ["1", "2", "3", "small", "4"].map((jobId) => ({
      ...SERVER_JOB_KEY,
      jobId,
      updates: [{ message: "x" }],
    }));

    const { data, errors } = await client.ask({ query: UPDATE_ALL, variables: { inputs } });
    const versions = await Promise.all(
      ["1", "2", "3", "small", "4"].map((jobId) => versionOf(server.url, jobId)),
    );

    expect(errors).toBeUndefined();
    expect(data).toEqual({
      updateTasks: [
        { error: null, userTask: { version: 2, tasks: expect.any(Array) as unknown } },
        { error: null, userTask: { version: 2, tasks: expect.any(Array) as unknown } },
        { error: TOO_LARGE, userTask: null },
        { error: null, userTask: { version: 2, tasks: expect.any(Array) as unknown } },
        { error: TOO_LARGE, userTask: null },
      ],
    });
    expect(versions).toEqual([2, 2, 1, 2, 1]);
  });

  it("shares the limit between its root fields", async () => {
    await using server = await startServer({ itemsPerAnswerMax: "5" });
    await store(server.url, { task: TREE });
    using client = await transport.connect(server.url);
    const field = MUTATIONS[1]![1]("{ userTask { version tasks { path } } }");

    const { data } = await client.ask({
      query: `mutation { a: ${field} b: ${field} c: ${MUTATIONS[1]![1]("{ userTask { version } }")} }`,
    });

    expect(data).toMatchObject({ a: { userTask: { version: 2 } }, b: null, c: { userTask: { version: 3 } } });
  });

  it("says that the change was applied if a defect prevents its answer", async () => {
    await using server = await startSchemaServer(faultySchema("UserTask.tasks"));
    await store(server.url, { task: TREE });
    using client = await transport.connect(server.url);

    const first = await client.ask({ query: UPDATE_ALL, variables: { inputs: [ADD_ONE] } });
    const second = await client.ask({ query: UPDATE_ALL, variables: { inputs: [ADD_ONE] } });

    expect([first, second]).toMatchObject([APPLIED, APPLIED]);
    expect(await versionOf(server.url)).toBe(3);
  });
});

it("accepts 1,000 reports on jobs of 31 tasks that select all tasks", async () => {
  await using server = await startServer();
  const task = {
    description: "root",
    subTasks: Array.from({ length: 30 }, (_, index) => ({ description: `${index}` })),
  };
  await store(server.url, { task });
  const inputs = Array.from({ length: 1_000 }, () => ({
    ...SERVER_JOB_KEY,
    updates: [{ path: "1", add: 1 }],
  }));
  const query = `mutation ($inputs: [UpdateTaskInput!]!) { updateTasks(inputs: $inputs) { error { code } userTask { tasks { path } } } }`;

  const { updateTasks } = await dataOf<{ updateTasks: { userTask: object | null }[] }>(server.url, query, {
    inputs,
  });

  expect(updateTasks.filter(({ userTask }) => userTask === null)).toEqual([]);
  expect(await versionOf(server.url)).toBe(1_001);
});

describe.each(WATCHING_TRANSPORTS)("A subscription over $name", (transport) => {
  it.each([
    [
      "an invalid width",
      `task(${KEY}) { task { progress { bar(width: 101) } } }`,
      { code: "BAD_USER_INPUT" },
    ],
    [
      "too many log lines",
      `taskEvents(database: "d") { ... on TaskStored { userTask { log(last: 201) { path } } } }`,
      { code: "LIMIT_EXCEEDED", limit: "logLinesPerJobMax" },
    ],
    [
      "too many trees",
      `task(${KEY}) { ${"abcdef".replaceAll(/./g, "$&: tasks { path } ")} }`,
      { code: "LIMIT_EXCEEDED", limit: "itemsPerAnswerMax" },
    ],
    [
      "the trees of all canceled jobs",
      `cancelRequests(database: "d") { tasks { path } }`,
      { code: "LIMIT_EXCEEDED", limit: "itemsPerAnswerMax" },
    ],
  ])("is rejected before its first event if it selects %s", async (_, root, extensions) => {
    await using server = await startServer();
    await store(server.url);
    using client = await transport.connect(server.url);

    const answer = await client.ask({ query: `subscription { ${root} }` });

    expect(answer).toMatchObject({ errors: [{ extensions }] });
    expect(answer).not.toHaveProperty("data");
  });
});

describe.each([OVER_SSE, OVER_WEBSOCKET])("An event over $name", (transport) => {
  it("arrives whole when a job of 10,000 tasks ends, with the tree, the changes and the log", async () => {
    await using server = await startServer();
    await store(server.url, {
      task: { description: "root", iterations: { mode: "FIXED", max: 9_999, tasks: [{ description: "a" }] } },
    });
    using watcher = await transport.watch(server.url, {
      query: `subscription { taskEvents(database: "d") { kind: __typename position ... on TaskUpdated { changed { path } userTask { task { status } tasks { path } log(last: 200) { message } } } } }`,
    });
    for (let events = 0; events < 3; events++) await watcher.next();

    await update(server.url, { updates: [{ status: "CANCELED" }], log: [{ message: "over" }] });
    const { data, errors } = await watcher.next();

    expect(errors).toBeUndefined();
    expect(data).toMatchObject({
      taskEvents: { kind: "TaskUpdated", userTask: { task: { status: "CANCELED" } } },
    });
  }, 30_000);

  it("that can't be rendered tells its position and the end of its job, and later events follow", async () => {
    await using server = await startSchemaServer(faultySchema("TaskUpdated.changed"));
    await store(server.url, { task: TREE });
    using watcher = await transport.watch(server.url, {
      query: `subscription { taskEvents(database: "d") { kind: __typename position ... on TaskUpdated { changed { path } } } }`,
    });
    for (let events = 0; events < 3; events++) await watcher.next();

    const { position: running } = await update(server.url, { updates: [{ path: "0", add: 1 }] });
    const first = await watcher.next();
    const { position: ended } = await update(server.url, { updates: [{ status: "FAILED" }] });
    const second = await watcher.next();
    await store(server.url, { jobId: "next" });

    expect(first).toMatchObject({
      data: null,
      errors: [{ extensions: { code: "INTERNAL", position: running } }],
    });
    expect(first.errors?.[0]?.extensions).not.toHaveProperty("ended");
    expect(second).toMatchObject({
      data: null,
      errors: [
        {
          extensions: { position: ended, ended: { username: "u", jobId: "j", attempt: 1, status: "FAILED" } },
        },
      ],
    });
    expect(await watcher.next()).toMatchObject({ data: { taskEvents: { kind: "TaskStored" } } });
  });

  it("of a single job tells the end of the job, too", async () => {
    await using server = await startSchemaServer(faultySchema("UserTask.tasks"));
    await store(server.url, { task: TREE });
    using watcher = await transport.watch(server.url, {
      query: `subscription { task(${KEY}) { tasks { path } } }`,
    });
    await watcher.next();

    await update(server.url, { updates: [{ status: "FINISHED" }] });

    expect(await watcher.next()).toMatchObject({
      data: { task: null },
      errors: [{ extensions: { ended: { jobId: "j", status: "FINISHED" } } }],
    });
    await watcher.ended();
  });
});

describe("A query with an invalid argument", () => {
  it("still answers its other fields", async () => {
    await using server = await startServer();
    await store(server.url);
    const query = `{ a: task(${KEY}) { log(last: 201) { path } } b: task(${KEY}) { version } }`;

    expect(await ask(server.url, { query })).toMatchObject({ data: { a: null, b: { version: 1 } } });
  });
});

const UPDATE_ALL = `mutation ($inputs: [UpdateTaskInput!]!) {
  updateTasks(inputs: $inputs) { error { code message } userTask { version tasks { path } } }
}`;
/** The state after the change is missing, but the input was not rejected. */
const APPLIED = {
  data: { updateTasks: [{ error: null, userTask: null }] },
  errors: [
    {
      message: expect.stringContaining("The change was applied.") as string,
      extensions: { code: "INTERNAL", applied: true },
    },
  ],
};
const TOO_LARGE = {
  code: "LIMIT_EXCEEDED",
  message:
    "Nothing was changed, because the job would add 3 tasks and log lines to the answer. Select fewer of them, or send fewer inputs at a time; the limit is 7 (itemsPerAnswerMax).",
};

async function versionOf(url: string, jobId = "j"): Promise<number> {
  const request: GraphqlRequest = {
    query: `{ task(database: "d", username: "u", jobId: "${jobId}") { version } }`,
  };
  const { data } = await ask(url, request);
  return (data as { task: { version: number } }).task.version;
}
