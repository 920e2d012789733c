import { delegated } from "../kit/journal/delegated-journal.js";
import { describe, expect, it } from "vitest";
import { JournalError, type DatabaseJournal, type Journal } from "../../src/journal/journal.js";
import { createMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import type { Log } from "../../src/util/log.js";
import { branch, iterative, leaf } from "../kit/store/edits.js";
import { createFaultyJournal } from "../kit/journal/faulty-journal.js";
import { databaseName } from "../kit/journal/entries.js";
import { openApi, apiError, type Api, type UpdateTaskInput } from "./api.js";
import { createHeldJournal } from "./held-journal.js";

/** Internals that an answer must not reveal: a stack, the path of a file, the name of a library. */
const INTERNALS =
  /\n\s+at |node_modules|\.[jt]s\b|file:|\/src\/|yoga|pothos|undici|originalError|stacktrace/i;

/** A server with a dashboard warns when the dashboard is not built. */
const NO_DASHBOARD = { dashboard: false };

const ROUNDS = iterative("rounds", "FIXED", 3, leaf("a", 10));

describe("an error", () => {
  it.each<[string, RegExp, (api: Api) => Promise<unknown>]>([
    [
      "BAD_USER_INPUT",
      /has 129 bytes\. Pass 1 to 128 bytes/,
      (api) => api.storeTask({ jobId: "a".repeat(129) }),
    ],
    [
      "BAD_USER_INPUT",
      /Invalid leaseSeconds 0: expected a whole number from 1/,
      (api) => api.storeTask({ leaseSeconds: 0 }),
    ],
    [
      "NOT_FOUND",
      /"anonymous" has no job "other" .* Store it first/,
      (api) => api.updateTask({ jobId: "other" }),
    ],
    ["NOT_FOUND", /Database "movies" has no jobs\. Store/, (api) => api.updateTask({ database: "movies" })],
    ["NOT_FOUND", /no task at path "9"\. The path of the root is/, (api) => api.update({ path: "9" })],
    ["NOT_FOUND", /job id `other`.*Omit jobId/, (api) => api.listProgress({ jobId: "other" })],
    ["ALREADY_EXISTS", /attempt 1 is RUNNING\. Wait/, (api) => api.storeTask({ onConflict: "REJECT" })],
    [
      "ILLEGAL_TRANSITION",
      /"a" is FAILED and cannot be changed/,
      (api) => api.update({ path: "2", done: 9 }),
    ],
    ["ILLEGAL_TRANSITION", /"rounds" is RUNNING .* PENDING/, (api) => api.update({ status: "PENDING" })],
    ["NOT_A_LEAF", /"rounds" is ITERATIVE.*Report on its leaves/, (api) => api.update({ done: 1 })],
    [
      "STALE_ATTEMPT",
      /attempt 1, but the request is for attempt 7.*Stop, or/,
      (api) => api.updateTask({ attempt: 7 }),
    ],
    ["LIMIT_EXCEEDED", /limit is 3 \(updatesPerInputMax\)/, (api) => api.update({}, {}, {}, {})],
  ])("states the problem, the value and the remedy (%s): %s", async (code, message, call) => {
    await using api = await openApi({ updatesPerInputMax: "3" });
    await api.storeTask({ task: ROUNDS });
    await api.update({ status: "RUNNING" }, { path: "2", status: "FAILED" });
    const before = await api.everything();

    await expect(call(api)).rejects.toMatchObject(apiError(code, message));
    expect(await api.everything()).toEqual(before);
  });

  it("has only a message, a path, locations and a code", async () => {
    await using api = await openApi();

    const { status, data, errors, text } = await api.ask(
      `mutation { updateTask(input: { database: "movies", jobId: "a" }) { userTask { id } } }`,
    );

    expect(status).toBe(200);
    expect(data).toEqual({ updateTask: null });
    expect(errors).toEqual([
      {
        message: 'Database "movies" has no jobs. Store the job first, or check the spelling of the name.',
        path: ["updateTask"],
        locations: [{ line: 1, column: 12 }],
        extensions: { code: "NOT_FOUND" },
      },
    ]);
    expect(text).not.toMatch(INTERNALS);
  });

  it("names the setting in `limit` when it comes from a bound", async () => {
    await using api = await openApi({ nodesPerRequestMax: "1" });

    const { errors } = await api.ask(`{ nodes(ids: ["a", "b"]) { id } }`);

    expect(errors).toEqual([
      {
        message: "The request has 2 ids; the limit is 1 (nodesPerRequestMax).",
        path: ["nodes"],
        locations: [{ line: 1, column: 3 }],
        extensions: { code: "LIMIT_EXCEEDED", limit: "nodesPerRequestMax" },
      },
    ]);
  });
});

describe("an invalid request", () => {
  it.each<[string, string, object?]>([
    ["a syntax error", "{ taskCount("],
    ["an empty document", ""],
    ["a document without an operation", "fragment A on Query { __typename }"],
    ["an unknown field", "{ nothing }"],
    ["an unknown argument", `{ taskCount(database: "neo4j", nothing: 1) }`],
    ["a missing argument", "{ taskCount }"],
    ["an argument of the wrong type", "{ taskCount(database: 1) }"],
    ["an unknown status", `{ taskCount(database: "neo4j", status: [DONE]) }`],
    ["a status as a text", `{ taskCount(database: "neo4j", status: ["RUNNING"]) }`],
    ["a selection on a scalar", `{ taskCount(database: "neo4j") { id } }`],
    ["an object without a selection", `{ tasks(database: "neo4j") }`],
    ["a fragment within itself", "{ ...A } fragment A on Query { ...A }"],
    ["an Int out of range", `{ tasks(database: "neo4j", first: 3000000000) { totalCount } }`],
    ["an unknown variable", `{ taskCount(database: $database) }`],
    ["a missing variable", `query ($database: String!) { taskCount(database: $database) }`, {}],
    ["a null variable", `query ($database: String!) { taskCount(database: $database) }`, { database: null }],
    [
      "a variable of the wrong type",
      `query ($database: String!) { taskCount(database: $database) }`,
      { database: 1 },
    ],
    [
      "a list instead of a text",
      `query ($name: String!) { taskCount(database: $name) }`,
      { name: ["neo4j"] },
    ],
    [
      "a fractional Int",
      `query ($first: Int) { tasks(database: "a", first: $first) { totalCount } }`,
      { first: 1.5 },
    ],
    [
      "an Int as a text",
      `query ($first: Int) { tasks(database: "a", first: $first) { totalCount } }`,
      { first: "1" },
    ],
    [
      "an unknown field of an input",
      `mutation ($input: JobInput!) { removeTask(input: $input) { userTask { id } } }`,
      { input: { database: "neo4j", jobId: "job", nothing: 1 } },
    ],
    [
      "a missing field of an input",
      `mutation ($input: JobInput!) { removeTask(input: $input) { userTask { id } } }`,
      { input: { database: "neo4j" } },
    ],
    [
      "`__proto__` instead of an input",
      `mutation ($input: JobInput!) { removeTask(input: $input) { userTask { id } } }`,
      { input: JSON.parse('{"__proto__":{"database":"neo4j","jobId":"job"}}') as object },
    ],
    [
      "a SafeInt literal below 0",
      `mutation { updateTask(input: { database: "neo4j", jobId: "job", updates: [{ done: -1 }] }) { userTask { id } } }`,
    ],
    [
      "a SafeInt as a text",
      `mutation ($done: SafeInt) {
        updateTask(input: { database: "neo4j", jobId: "job", updates: [{ done: $done }] }) { userTask { id } }
      }`,
      { done: "1" },
    ],
    [
      "a mutation with one valid and one invalid input",
      `mutation ($input: JobInput!) {
        removeTask(input: { database: "neo4j", jobId: "job" }) { userTask { id } }
        other: removeTask(input: $input) { userTask { id } }
      }`,
      { input: {} },
    ],
  ])("fails with BAD_USER_INPUT and executes nothing: %s", async (_, query, variables) => {
    await using api = await openApi();
    await api.storeTask();
    const before = await api.everything();

    const { status, data, errors, text } = await api.ask(query, { ...variables });

    expect(status).toBe(400);
    expect(data).toBeUndefined();
    expect(errors.map(({ extensions }) => extensions)).toEqual(
      errors.map(() => ({ code: "BAD_USER_INPUT" })),
    );
    expect(errors.length).toBeGreaterThan(0);
    expect(text).not.toMatch(INTERNALS);
    expect(await api.everything()).toEqual(before);
  });

  it("fails with the path of the variable", async () => {
    await using api = await openApi();

    await expect(
      api.storeTask({ task: { description: "a", subTasks: [{ description: "b", volume: -1 }] } }),
    ).rejects.toMatchObject(
      apiError(
        "BAD_USER_INPUT",
        /input\.task\.subTasks\[0\]\.volume.*whole number from 0 to 9007199254740991.*-1/,
      ),
    );
  });

  it.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["null", "null"],
    ["a text", '"{ __typename }"'],
    ["a list", `[{"query":"{ __typename }"}]`],
    ["an object without a query", "{}"],
    ["a query that is a number", `{"query":1}`],
    ["variables that are a list", `{"query":"{ __typename }","variables":[]}`],
    ["an unknown operationName", `{"query":"query A { __typename }","operationName":"B"}`],
    ["several operations and no operationName", `{"query":"query A { __typename } query B { __typename }"}`],
  ])("fails with BAD_USER_INPUT when its body is %s", async (_, body) => {
    await using api = await openApi();

    const { status, data, errors, text } = await api.client.post(body);

    expect(status).toBe(400);
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([
      { message: expect.stringMatching(/./), extensions: { code: "BAD_USER_INPUT" } },
    ]);
    expect(text).not.toMatch(INTERNALS);
  });

  it.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/graphql"])(
    "fails with BAD_USER_INPUT when its body is %s, which a page of another site could send",
    async (contentType) => {
      await using api = await openApi();
      await api.storeTask();

      const { status, errors } = await api.client.post(
        JSON.stringify({ query: `mutation { purgeDatabase(database: "neo4j") { removed } }` }),
        contentType,
      );

      expect(status).toBe(415);
      expect(errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
      expect(await api.taskCount()).toBe(1);
    },
  );

  it("fails with BAD_USER_INPUT when it is a mutation by GET", async () => {
    await using api = await openApi();
    await api.storeTask();

    const response = await get(api, { query: `mutation { purgeDatabase(database: "neo4j") { removed } }` });

    expect(response.status).toBe(405);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "BAD_USER_INPUT" } }] });
    expect(await api.taskCount()).toBe(1);
  });

  it("fails with BAD_USER_INPUT when variables by GET are not JSON", async () => {
    await using api = await openApi();

    const response = await get(api, { query: "{ __typename }", variables: "{" });

    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "BAD_USER_INPUT" } }] });
    expect(response.status).toBe(400);
  });
});

describe("a request that is too large", () => {
  it.each<[string, string, object?]>([
    ["documentBytesMax", `{ __typename } #${" ".repeat(20_000)}`],
    ["documentTokensMax", `{ ${"__typename ".repeat(1_000)} }`],
    ["documentDepthMax", `{ ${"task { ".repeat(15)} id ${"}".repeat(15)} }`],
    [
      "documentAliasesMax",
      `{ ${Array.from({ length: 31 }, (_, index) => `a${index}: __typename`).join(" ")} }`,
    ],
    ["documentDirectivesMax", `{ __typename ${"@skip(if: false) ".repeat(21)} }`],
    ["variablesDepthMax", "{ __typename }", { deep: nestedList(129) }],
  ])("fails with LIMIT_EXCEEDED and the setting %s", async (limit, query, variables) => {
    await using api = await openApi();

    const { status, data, errors } = await api.ask(query, { ...variables });

    expect(status).toBe(400);
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([
      { message: expect.stringContaining(`(${limit})`), extensions: { code: "LIMIT_EXCEEDED", limit } },
    ]);
  });

  it("fails with LIMIT_EXCEEDED and the setting bodyBytesMax", async () => {
    await using api = await openApi({ bodyBytesMax: "1000" });

    const { status, errors } = await api.client.post(" ".repeat(1_001));

    expect(status).toBe(413);
    expect(errors).toMatchObject([
      {
        message: expect.stringMatching(/1000 bytes \(bodyBytesMax\)/),
        extensions: { code: "LIMIT_EXCEEDED", limit: "bodyBytesMax" },
      },
    ]);
  });

  it("fails with LIMIT_EXCEEDED and the setting changesWaitingMax when too many changes wait", async () => {
    const journal = createHeldJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using api = await openApi({ changesWaitingMax: "1" }, { journal });
    journal.hold();
    const first = api.storeTask({ jobId: "first" });
    await journal.written;

    const others = [api.storeTask({ jobId: "a" }), api.storeTask({ jobId: "b" })];
    const rejected = await Promise.race(others).catch((error: unknown) => error);
    journal.release();

    expect(rejected).toMatchObject({
      ...apiError("LIMIT_EXCEEDED", /try again later/),
      limit: "changesWaitingMax",
    });
    expect(await first).toMatchObject({ outcome: "CREATED" });
    expect((await Promise.allSettled(others)).map(({ status }) => status).toSorted()).toEqual([
      "fulfilled",
      "rejected",
    ]);
  });
});

describe("an error answer", () => {
  it("is short, however large the rejected value is", async () => {
    await using api = await openApi();
    const unknown = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`unknown${index}`, 1]));

    const { errors, text } = await api.ask(
      `mutation ($input: JobInput!) { removeTask(input: $input) { userTask { id } } }`,
      { input: { ...unknown, huge: "x".repeat(100_000) } },
    );

    expect(errors).toMatchObject(errors.map(() => ({ extensions: { code: "BAD_USER_INPUT" } })));
    expect(text.length).toBeLessThan(100_000);
  });
});

describe("a query", () => {
  it("fails with LIMIT_EXCEEDED when it selects a million tasks", async () => {
    await using api = await openApi();
    await api.storeTasks([{ task: iterative("rounds", "FIXED", 9_999, leaf("a")) }]);
    const [id] = (
      await api.data<{ tasks: { nodes: { id: string }[] } }>(`{ tasks(database: "neo4j") { nodes { id } } }`)
    ).tasks.nodes.map((node) => node.id);

    const { errors } = await api.ask(
      `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on UserTask { tasks { path } } } }`,
      { ids: Array.from({ length: 100 }, () => id) },
    );

    expect(errors[0]).toMatchObject({ extensions: { limit: "itemsPerAnswerMax" } });
    expect(new Set(errors.map(({ extensions }) => extensions["code"]))).toEqual(new Set(["LIMIT_EXCEEDED"]));
  });
});

describe("UNAVAILABLE", () => {
  it.each<[string, (api: Api) => Promise<unknown>]>([
    ["storeTask", (api) => api.storeTask({ jobId: "new" })],
    ["storeTask over another", (api) => api.storeTask()],
    ["updateTask", (api) => api.update({ add: 1 })],
    ["addTasks", (api) => api.addTasks({ jobId: "tree" })],
    ["requestCancel", (api) => api.requestCancel()],
    ["removeTask", (api) => api.removeTask()],
    ["purgeDatabase", (api) => api.purgeDatabase()],
  ])(
    "is the error of %s when the journal can't write; nothing changes, and a retry succeeds",
    async (_, call) => {
      const { journal, api: opened } = await openFaulty();
      await using api = opened;
      const before = await api.everything();
      journal.failNextAppend("before writing");

      await expect(call(api)).rejects.toMatchObject(
        apiError("UNAVAILABLE", /could not be written.* Try again/),
      );
      expect(await api.everything()).toEqual(before);

      await call(api);
      expect(await api.everything()).not.toEqual(before);
    },
  );

  it("is the error of each report of updateTasks when the journal can't write", async () => {
    const { journal, api: opened } = await openFaulty();
    await using api = opened;
    const before = await api.everything();
    journal.failNextAppend("before writing");

    const reports: UpdateTaskInput[] = [
      { updates: [{ add: 1 }] },
      { jobId: "other" },
      { jobId: "tree", updates: [{ path: "0", add: 1 }] },
    ];
    const results = await api.updateTasks(reports);

    expect(results.map(({ error }) => error?.code)).toEqual(["UNAVAILABLE", "UNAVAILABLE", "UNAVAILABLE"]);
    expect(await api.everything()).toEqual(before);
    expect((await api.updateTasks(reports)).map(({ error }) => error?.code)).toEqual([
      undefined,
      "NOT_FOUND",
      undefined,
    ]);
  });

  it("is not the error of a change that the journal wrote before it failed", async () => {
    const { journal, api: opened } = await openFaulty();
    await using api = opened;
    journal.failNextAppend("after writing");

    expect(await api.update({ add: 3 })).toMatchObject({ version: 2, tasks: [{ progress: { done: 3 } }] });
    expect(await api.update({ add: 3 })).toMatchObject({ version: 3, tasks: [{ progress: { done: 6 } }] });
  });

  it("is the error of a store whose database can't be opened; a retry succeeds", async () => {
    const { journal, api: opened } = await openFaulty();
    await using api = opened;
    journal.failNextOpen();

    await expect(api.storeTask({ database: "movies" })).rejects.toMatchObject(
      apiError("UNAVAILABLE", /Cannot open database "movies"\. Try again/),
    );
    expect(await api.databaseNames()).toEqual(["neo4j"]);
    expect(await api.storeTask({ database: "movies" })).toMatchObject({ outcome: "CREATED" });
  });

  it("is the error of a query whose database can't be opened; a retry succeeds", async () => {
    const memory = createMemoryJournal(DEFAULT_LIMITS);
    await using writing = await openApi({}, { journal: memory });
    await writing.storeTask();
    const journal = createFaultyJournal(memory);
    await using api = await openApi({}, { journal });
    journal.failNextOpen();

    await expect(api.task()).rejects.toMatchObject(apiError("UNAVAILABLE", /Cannot open database "neo4j"/));
    expect(await api.task()).toMatchObject({ jobId: "job" });
  });

  it("leaves no database behind when the first store into it fails", async () => {
    const { journal, api: opened } = await openFaulty();
    await using api = opened;
    journal.failNextAppend("before writing");

    await expect(api.storeTask({ database: "movies" })).rejects.toMatchObject(apiError("UNAVAILABLE"));

    expect(await api.data(`{ databases { name } database(name: "movies") { name } }`)).toEqual({
      databases: [{ name: "neo4j" }],
      database: null,
    });
  });

  it("is the error of every request while the server stops", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.server.provider.close();

    await expect(api.storeTask()).rejects.toMatchObject(apiError("UNAVAILABLE", /stopping/));
  });

  it("does not show the error of the journal", async () => {
    const journal = withOpening(createMemoryJournal(DEFAULT_LIMITS), () => {
      throw new Error("ENOSPC: no space left on device, open '/var/lib/secret.mdb'");
    });
    const { log, lines } = recordingLog();
    await using api = await openApi(NO_DASHBOARD, { journal, log });

    const { errors, text } = await api.ask(STORE, { database: "neo4j" });

    expect(errors).toMatchObject([{ extensions: { code: "UNAVAILABLE" } }]);
    expect(text).not.toMatch(/ENOSPC|secret/);
    expect(text).not.toMatch(INTERNALS);
    expect(lines).toEqual([]);
  });

  it.each<[string, () => Error]>([
    ["in an unknown way", () => new JournalError("Connection lost.", "unknown")],
    ["oddly", () => new TypeError("it broke")],
  ])("is resolved before the next change when the journal wrote and then failed %s", async (_, error) => {
    await using api = await openApi({}, { journal: losingTrackOnce(error) });
    await expect(api.storeTask({ requestId: "r" })).rejects.toMatchObject(apiError("UNAVAILABLE"));

    expect(await api.storeTask({ jobId: "other" })).toMatchObject({ outcome: "CREATED" });
    expect(await api.storeTask({ requestId: "r" })).toMatchObject({
      outcome: "CREATED",
      userTask: { attempt: 1 },
    });
  });
});

describe("INTERNAL", () => {
  it("shows only an id, under which the log has the details", async () => {
    const { log, lines } = recordingLog();
    await using api = await openApi(NO_DASHBOARD, { journal: misnumbering(), log });

    const { data, errors, text } = await api.ask(STORE, { database: "neo4j" });

    const [error] = errors;
    const errorId = error?.extensions["errorId"];
    expect(data).toEqual({ storeTask: null });
    expect(errors).toEqual([
      {
        message: `Internal server error. The server's log has the details under ${String(errorId)}.`,
        path: ["storeTask"],
        locations: [{ line: 1, column: 33 }],
        extensions: {
          code: "INTERNAL",
          errorId: expect.stringMatching(/^[\da-f-]{36}$/),
          requestId: expect.any(String),
        },
      },
    ]);
    expect(text).not.toMatch(INTERNALS);
    expect(text).not.toMatch(/Law/);
    expect(lines).toMatchObject([
      {
        level: "error",
        fields: {
          errorId,
          requestId: error?.extensions["requestId"],
          path: ["storeTask"],
          err: { message: expect.stringMatching(/Law 4/) },
        },
      },
    ]);
  });

  it("has another id each time", async () => {
    const { log } = recordingLog();
    await using api = await openApi(NO_DASHBOARD, { journal: misnumbering(), log });

    const [one, two] = [await api.ask(STORE, { database: "a" }), await api.ask(STORE, { database: "b" })];

    expect(one.errors[0]?.extensions["errorId"]).not.toBe(two.errors[0]?.extensions["errorId"]);
  });

  it("is not the code of client errors", async () => {
    const { log, lines } = recordingLog();
    await using api = await openApi(NO_DASHBOARD, { log });

    await api.ask("{ nothing }");
    await api.client.post("{");
    await api.ask(STORE, { database: "" });

    expect(lines).toEqual([]);
  });

  it("is not the error of a change whose listener fails", async () => {
    const { log, lines } = recordingLog();
    await using api = await openApi(NO_DASHBOARD, { log });
    await api.storeTask();
    const store = await api.server.provider.getTaskStore(databaseName("neo4j"));
    const fail = () => {
      throw new Error("a listener of ours");
    };
    store.addListener({ onTaskAdded: fail, onTaskUpdated: fail, onTaskRemoved: fail });

    expect(await api.storeTask()).toMatchObject({ outcome: "OVERWRITTEN" });
    expect(await api.update({ done: 1 })).toMatchObject({ version: 3 });
    expect(await api.removeTask()).toMatchObject({ version: 3 });
    expect(lines).toMatchObject([{ level: "error" }, { level: "error" }, { level: "error" }]);
  });
});

const STORE = `mutation ($database: String!) { storeTask(input: { database: $database, task: { description: "a" } }) { outcome } }`;

function get(api: Api, parameters: Record<string, string>): Promise<Response> {
  return fetch(`${api.server.url}/graphql?${new URLSearchParams(parameters).toString()}`, {
    headers: { Accept: "application/graphql-response+json" },
  });
}

function nestedList(levels: number): unknown {
  return levels === 0 ? 1 : [nestedList(levels - 1)];
}

/** A server over a journal that fails on demand, with the jobs "job" and "tree". */
async function openFaulty() {
  const journal = createFaultyJournal(createMemoryJournal(DEFAULT_LIMITS));
  const api = await openApi({}, { journal });
  await api.storeTask();
  await api.storeTask({ jobId: "tree", task: branch("root", leaf("a", 10)) });
  return { journal, api };
}

/** `journal`, with `opened` applied to each handle. */
function withOpening(journal: Journal, opened: (handle: DatabaseJournal) => DatabaseJournal): Journal {
  return {
    supports: journal.supports,
    open: async (database) => opened(await journal.open(database)),
    databases: () => journal.databases(),
    recent: (count) => journal.recent(count),
    isWritable: () => journal.isWritable(),
    close: () => journal.close(),
    [Symbol.asyncDispose]: () => journal[Symbol.asyncDispose](),
  };
}

/** A defective journal: it assigns wrong revisions to appended entries. */
function misnumbering(): Journal {
  return withOpening(createMemoryJournal(DEFAULT_LIMITS), (handle) =>
    delegated(handle, {
      append: async (entries) => {
        await handle.append(entries);
        return { kind: "appended", firstRevision: 99 };
      },
    }),
  );
}

/** A journal whose first append fails after the write, and whose first search for the entry fails too. */
function losingTrackOnce(error: () => Error): Journal {
  let appends = 0;
  let searches = 0;
  return withOpening(createMemoryJournal(DEFAULT_LIMITS), (handle) =>
    delegated(handle, {
      append: async (entries) => {
        const result = await handle.append(entries);
        if (appends++ === 0) throw error();
        return result;
      },
      find: async (commitId) => {
        if (searches++ === 0) throw new JournalError("Connection still lost.", "nothing written");
        return handle.find(commitId);
      },
    }),
  );
}

/** A log, and its errors and warnings. */
function recordingLog(): { log: Log; lines: { level: string; fields: object; message: string }[] } {
  const lines: { level: string; fields: object; message: string }[] = [];
  const recorder = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields, message });
  return { log: { error: recorder("error"), warn: recorder("warn"), info() {}, debug() {} }, lines };
}
