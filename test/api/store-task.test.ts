import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { TaskSpec } from "../../src/tasks/task-spec.js";
import { branch, iterative, leaf } from "../kit/store/edits.js";
import { databaseName } from "../kit/journal/entries.js";
import {
  instant,
  openApi,
  apiError,
  statusesOf,
  taskOf,
  type Api,
  type ApiJob,
  type StoreTaskInput,
} from "./api.js";

const ODD_NAMES = ["__proto__", "constructor", "null", "a/b", "💾"];

describe("storeTask", () => {
  it("creates a job as attempt 1 and version 1", async () => {
    await using api = await openApi();

    const { outcome, userTask } = await api.storeTask({ username: "alice", jobId: "pagerank" });

    expect(outcome).toBe("CREATED");
    expect(userTask).toEqual({
      id: Buffer.from('["neo4j","alice","pagerank"]').toString("base64url"),
      database: "neo4j",
      username: "alice",
      jobId: "pagerank",
      attempt: 1,
      version: 1,
      revision: 1,
      position: expect.stringMatching(/^[\w-]{12}\.1$/),
      tasks: [
        {
          id: expect.any(String),
          path: "",
          depth: 0,
          description: "task",
          kind: "LEAF",
          status: "PENDING",
          progress: {
            done: 0,
            volume: 10,
            knownVolume: 10,
            ratio: 0,
            percent: "0%",
            bar: "[~~~~~~~~~~]",
          },
          mode: null,
          currentIteration: null,
          maxIterations: null,
          message: null,
          startedAt: null,
          endedAt: null,
          elapsedMs: null,
          maxConcurrency: null,
        },
      ],
      memory: null,
      health: "OK",
      storedAt: instant(),
      reportedAt: instant(),
      endedAt: null,
      expiresAt: null,
      cancelRequest: null,
      log: [],
    });
  });

  it("returns the same job as a query", async () => {
    await using api = await openApi();

    const { userTask } = await api.storeTask();

    expect(await api.task()).toEqual(userTask);
    expect((await api.tasks()).nodes).toEqual([userTask]);
  });

  it("gives each change the next revision of its database", async () => {
    await using api = await openApi();

    const stored = [
      await api.storeTask({ jobId: "a" }),
      await api.storeTask({ jobId: "b" }),
      await api.storeTask({ jobId: "a" }),
      await api.storeTask({ database: "movies" }),
    ];

    expect(stored.map(({ userTask }) => userTask.revision)).toEqual([1, 2, 3, 1]);
  });

  it("answers with a position in the epoch of the database, which no other database shares", async () => {
    await using api = await openApi();

    const one = await api.storeTask({ jobId: "a" });
    const two = await api.storeTask({ jobId: "b" });
    const other = await api.storeTask({ database: "movies" });

    expect(epochOf(two.userTask)).toBe(epochOf(one.userTask));
    expect(epochOf(other.userTask)).not.toBe(epochOf(one.userTask));
  });

  it("stores a job of the caller, `anonymous`, when the username is left out", async () => {
    await using api = await openApi();

    expect((await api.storeTask()).userTask.username).toBe("anonymous");
    expect((await api.storeTask({ username: null })).userTask).toMatchObject({
      username: "anonymous",
      attempt: 2,
    });
  });

  it("chooses a new random UUID each time the jobId is left out", async () => {
    await using api = await openApi();

    const one = await api.storeTask({ jobId: null });
    const two = await api.storeTask({ jobId: null });

    expect(one.userTask.jobId).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(two.userTask.jobId).not.toBe(one.userTask.jobId);
    expect(two).toMatchObject({ outcome: "CREATED", userTask: { attempt: 1 } });
  });

  it("stores another job when user, job id or database differs", async () => {
    await using api = await openApi();
    await api.storeTask({ username: "alice", jobId: "a" });

    const others = [
      await api.storeTask({ username: "bob", jobId: "a" }),
      await api.storeTask({ username: "alice", jobId: "b" }),
      await api.storeTask({ database: "movies", username: "alice", jobId: "a" }),
    ];

    expect(others.map(({ outcome }) => outcome)).toEqual(["CREATED", "CREATED", "CREATED"]);
    expect(await api.taskCount()).toBe(3);
  });

  it("treats null in an optional field as left out", async () => {
    await using api = await openApi();

    const { userTask } = await api.storeTask({
      username: null,
      jobId: null,
      memory: null,
      leaseSeconds: null,
      requestId: null,
      task: { description: "a", volume: null, subTasks: null, iterations: null, maxConcurrency: null },
    });

    expect(taskOf(userTask)).toMatchObject({
      kind: "LEAF",
      progress: { volume: null },
      maxConcurrency: null,
    });
  });
});

describe("storing a job again", () => {
  it("overwrites the tree, with one attempt and one version more", async () => {
    await using api = await openApi();
    await api.storeTask({ task: branch("old", leaf("a"), leaf("b")) });

    const { outcome, userTask } = await api.storeTask({ task: leaf("new") });

    expect(outcome).toBe("OVERWRITTEN");
    expect(userTask).toMatchObject({ attempt: 2, version: 2, revision: 2 });
    expect(userTask.tasks.map(({ description }) => description)).toEqual(["new"]);
    expect(await api.taskCount()).toBe(1);
  });

  it("keeps the id of the job and gives its tasks new ids", async () => {
    await using api = await openApi();

    const { userTask: one } = await api.storeTask();
    const { userTask: two } = await api.storeTask();

    expect(two.id).toBe(one.id);
    expect(taskOf(two).id).not.toBe(taskOf(one).id);
  });

  it("gives each of many concurrent stores an attempt of its own", async () => {
    await using api = await openApi();

    const stored = await Promise.all(Array.from({ length: 10 }, () => api.storeTask()));

    const attempts = stored.map(({ userTask }) => userTask.attempt).toSorted((a, b) => a - b);
    expect(attempts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(stored.filter(({ outcome }) => outcome === "CREATED")).toHaveLength(1);
  });
});

describe("onConflict REJECT", () => {
  it("rejects a job that has not ended with ALREADY_EXISTS and changes nothing", async () => {
    await using api = await openApi();
    await api.storeTask();
    const before = await api.everything();

    await expect(api.storeTask({ onConflict: "REJECT" })).rejects.toMatchObject(
      apiError("ALREADY_EXISTS", /"anonymous" already has a job "job": attempt 1 is PENDING/),
    );
    expect(await api.everything()).toEqual(before);
  });

  it("stores over a job that has ended", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.update({ status: "FINISHED" });

    expect(await api.storeTask({ onConflict: "REJECT" })).toMatchObject({
      outcome: "OVERWRITTEN",
      userTask: { attempt: 2 },
    });
  });

  it("accepts one of many concurrent stores", async () => {
    await using api = await openApi();

    const answers = await Promise.allSettled(
      Array.from({ length: 10 }, () => api.storeTask({ onConflict: "REJECT" })),
    );

    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await api.task()).toMatchObject({ attempt: 1, version: 1 });
  });
});

describe("the requestId of a store", () => {
  it("makes a repeated store give the same answer and change nothing", async () => {
    await using api = await openApi();
    const first = await api.storeTask({ requestId: "r", onConflict: "REJECT" });
    const before = await api.everything();

    expect(await api.storeTask({ requestId: "r", onConflict: "REJECT" })).toEqual(first);
    expect(await api.everything()).toEqual(before);
  });

  it("makes a repeated store that overwrote a job answer OVERWRITTEN again", async () => {
    await using api = await openApi();
    await api.storeTask();
    const second = await api.storeTask({ requestId: "r" });

    expect(second.outcome).toBe("OVERWRITTEN");
    expect(await api.storeTask({ requestId: "r" })).toEqual(second);
  });

  it("belongs to one job", async () => {
    await using api = await openApi();
    await api.storeTask({ requestId: "r" });

    const others = [
      await api.storeTask({ requestId: "r", jobId: "other" }),
      await api.storeTask({ requestId: "r", username: "bob" }),
      await api.storeTask({ requestId: "r", database: "movies" }),
    ];

    expect(others.map(({ outcome }) => outcome)).toEqual(["CREATED", "CREATED", "CREATED"]);
  });
});

describe("the lease of a job", () => {
  it("is as long as the store requests: a heartbeat is committed when a quarter of it has passed", async () => {
    await using api = await openApi();
    await api.storeTask({ leaseSeconds: 40 });

    api.clock.advance(9_999);
    expect(await api.updateTask()).toMatchObject({ version: 1, reportedAt: instant() });
    api.clock.advance(1);
    expect(await api.updateTask()).toMatchObject({ version: 2, reportedAt: instant(10_000) });
  });

  it("defaults to the setting of the server", async () => {
    await using api = await openApi({ lease: "20s" });
    await api.storeTask();

    api.clock.advance(4_999);
    expect(await api.updateTask()).toMatchObject({ version: 1 });
    api.clock.advance(1);
    expect(await api.updateTask()).toMatchObject({ version: 2 });
  });

  it.each([1, 604_800])("may be %d seconds", async (leaseSeconds) => {
    await using api = await openApi();

    expect(await api.storeTask({ leaseSeconds })).toMatchObject({ outcome: "CREATED" });
  });

  it.each([0, -1, 604_801])("is rejected with BAD_USER_INPUT when it is %d seconds", async (leaseSeconds) => {
    await using api = await openApi();

    await expect(api.storeTask({ leaseSeconds })).rejects.toMatchObject(
      apiError("BAD_USER_INPUT", new RegExp(`leaseSeconds ${leaseSeconds}: .* from 1 to 604800`)),
    );
  });
});

describe("the memory range of a job", () => {
  it("is kept as it was given", async () => {
    await using api = await openApi();
    const memory = { minBytes: 1, maxBytes: Number.MAX_SAFE_INTEGER };

    expect((await api.storeTask({ memory })).userTask.memory).toEqual(memory);
    expect((await api.update({ add: 1 })).memory).toEqual(memory);
  });

  it.each([
    { minBytes: 2, maxBytes: 1 },
    { minBytes: -1, maxBytes: 1 },
    { minBytes: 1, maxBytes: Number.MAX_SAFE_INTEGER + 1 },
  ])("is rejected with BAD_USER_INPUT when it is invalid: %j", async (memory) => {
    await using api = await openApi();

    await expect(api.storeTask({ memory })).rejects.toMatchObject(apiError("BAD_USER_INPUT"));
  });
});

describe("the names of a job", () => {
  it("the database is lower-cased and NFC-normalized in answers too", async () => {
    await using api = await openApi();

    const { userTask } = await api.storeTask({ database: "CAFE\u0301" });

    expect(userTask.database).toBe("caf\u00e9");
    expect(await api.task({ database: "Caf\u00c9" })).toEqual(userTask);
    expect(await api.databaseNames()).toEqual(["caf\u00e9"]);
  });

  it.each(["username", "jobId"] as const)("the %s is NFC-normalized and keeps its case", async (name) => {
    await using api = await openApi();

    const { userTask } = await api.storeTask({ [name]: "Cafe\u0301" });
    const again = await api.storeTask({ [name]: "Caf\u00e9" });
    const other = await api.storeTask({ [name]: "caf\u00e9" });

    expect(userTask[name]).toBe("Caf\u00e9");
    expect(again).toMatchObject({ outcome: "OVERWRITTEN", userTask: { attempt: 2 } });
    expect(other).toMatchObject({ outcome: "CREATED", userTask: { [name]: "caf\u00e9" } });
  });

  it.each(ODD_NAMES)("%s is accepted as a name like any other", async (name) => {
    await using api = await openApi();
    const names = { database: name, username: name, jobId: name };

    const { outcome, userTask } = await api.storeTask({ ...names, task: leaf(name), requestId: name });

    expect(outcome).toBe("CREATED");
    expect(userTask).toMatchObject({
      ...names,
      database: name.toLowerCase(),
      tasks: [{ description: name }],
    });
    expect(await api.task(names)).toEqual(userTask);
    expect(await api.data(`query ($id: ID!) { node(id: $id) { id } }`, { id: userTask.id })).toEqual({
      node: { id: userTask.id },
    });
    expect(await api.data(`{ databases { name usernames } }`)).toEqual({
      databases: [{ name: name.toLowerCase(), usernames: [name] }],
    });
    expect(await api.taskCount(names)).toBe(1);
    expect(await api.listProgress({ database: name, jobId: name })).toMatchObject([
      { username: name, jobId: name, taskName: `|-- ${name}` },
    ]);
    expect(await api.updateTask({ ...names, updates: [{ message: name }], requestId: name })).toMatchObject({
      version: 2,
      tasks: [{ message: name }],
    });
    expect(await api.removeTask(names)).toMatchObject({ version: 2 });
    expect(await api.taskCount({ database: name })).toBe(0);
  });

  it.each(["__proto__", "constructor"])("%s finds nothing before it is stored", async (name) => {
    await using api = await openApi();
    await api.storeTask();

    expect(await api.task({ database: name, username: name, jobId: name })).toBeNull();
    expect(await api.task({ username: name, jobId: name })).toBeNull();
    expect(await api.task({ jobId: name })).toBeNull();
    expect(await api.taskCount({ username: name })).toBe(0);
  });

  it.each(["database", "username", "jobId", "requestId"] as const)(
    "the %s may have 128 bytes, counted after normalization",
    async (name) => {
      await using api = await openApi();

      expect(await api.storeTask({ [name]: "e\u0301".repeat(64) })).toMatchObject({ outcome: "CREATED" });
    },
  );

  it.each([
    ["database", "database name"],
    ["username", "username"],
    ["jobId", "jobId"],
    ["requestId", "requestId"],
  ] as const)(
    "the %s is rejected with the reason, which names the setting of its length",
    async (name, shown) => {
      await using api = await openApi();

      await expect(api.storeTask({ [name]: "" })).rejects.toMatchObject(
        apiError("BAD_USER_INPUT", new RegExp(`The ${shown} is empty`)),
      );
      await expect(api.storeTask({ [name]: "a".repeat(129) })).rejects.toMatchObject(
        apiError("BAD_USER_INPUT", new RegExp(`The ${shown} has 129 bytes.*nameBytesMax`)),
      );
    },
  );
});

describe("a stored tree", () => {
  it("lists every kind of task in pre-order, parents before children", async () => {
    await using api = await openApi();
    const task = branch(
      "root",
      leaf("load", 100),
      { ...iterative("fixed", "FIXED", 2, leaf("a", 1), branch("b", leaf("c", 2))), maxConcurrency: 4 },
      iterative("dynamic", "DYNAMIC", 3, leaf("d")),
      iterative("open", "OPEN", null, leaf("e", 5)),
    );

    const { userTask } = await api.storeTask({ task });

    expect(userTask.tasks.map(({ path, description, kind }) => `${path} ${description} ${kind}`)).toEqual([
      " root INTERMEDIATE",
      "0 load LEAF",
      "1 fixed ITERATIVE",
      "1.0 a LEAF",
      "1.1 b INTERMEDIATE",
      "1.1.0 c LEAF",
      "1.2 a LEAF",
      "1.3 b INTERMEDIATE",
      "1.3.0 c LEAF",
      "2 dynamic ITERATIVE",
      "2.0 d LEAF",
      "2.1 d LEAF",
      "2.2 d LEAF",
      "3 open ITERATIVE",
    ]);
    expect(userTask.tasks.map(({ depth }) => depth)).toEqual([0, 1, 1, 2, 2, 3, 2, 2, 3, 1, 2, 2, 2, 1]);
    expect(new Set(userTask.tasks.map(({ id }) => id)).size).toBe(14);
    expect(new Set(Object.values(statusesOf(userTask)))).toEqual(new Set(["PENDING"]));
  });

  it("can be selected from the root down", async () => {
    await using api = await openApi();
    await api.storeTask({ task: branch("root", leaf("a", 1), branch("b", leaf("c", 2))) });

    const { task } = await api.data<{ task: { task: object } }>(
      `{ task(database: "neo4j", username: "anonymous", jobId: "job") {
          task { path depth description subTasks { path depth description subTasks { path depth description subTasks { path } } } }
      } }`,
    );

    expect(task.task).toEqual({
      path: "",
      depth: 0,
      description: "root",
      subTasks: [
        { path: "0", depth: 1, description: "a", subTasks: [] },
        {
          path: "1",
          depth: 1,
          description: "b",
          subTasks: [{ path: "1.0", depth: 2, description: "c", subTasks: [] }],
        },
      ],
    });
  });

  it("shows mode and iterations of ITERATIVE tasks only", async () => {
    await using api = await openApi();
    const task = branch(
      "root",
      { ...iterative("fixed", "FIXED", 2, leaf("a")), maxConcurrency: 4 },
      iterative("dynamic", "DYNAMIC", 3, leaf("a")),
      iterative("open", "OPEN", null, leaf("a")),
      leaf("b"),
    );

    const { userTask } = await api.storeTask({ task });

    const shown = (path: string) => {
      const { mode, currentIteration, maxIterations } = taskOf(userTask, path);
      return { mode, currentIteration, maxIterations };
    };
    expect(shown("0")).toEqual({ mode: "FIXED", currentIteration: 0, maxIterations: 2 });
    expect(shown("1")).toEqual({ mode: "DYNAMIC", currentIteration: 0, maxIterations: 3 });
    expect(shown("2")).toEqual({ mode: "OPEN", currentIteration: 0, maxIterations: null });
    expect(shown("3")).toEqual({ mode: null, currentIteration: null, maxIterations: null });
    expect(shown("")).toEqual({ mode: null, currentIteration: null, maxIterations: null });
    expect(["", "0", "0.0"].map((path) => taskOf(userTask, path).maxConcurrency)).toEqual([null, 4, 4]);
  });

  it("shows the known volume but no ratio while the volume of a leaf is unknown", async () => {
    await using api = await openApi();

    const { userTask } = await api.storeTask({ task: branch("root", leaf("a", 7), branch("b", leaf("c"))) });

    expect(taskOf(userTask).progress).toEqual({
      done: 0,
      volume: null,
      knownVolume: 7,
      ratio: null,
      percent: "n/a",
      bar: "[~~~~n/a~~~]",
    });
    expect(taskOf(userTask, "0").progress).toMatchObject({ volume: 7, ratio: 0 });
  });
});

describe("an invalid tree", () => {
  it.each([
    ["an empty list of subTasks", branch("t")],
    ["FIXED iterations without max", iterative("t", "FIXED", null, leaf("a"))],
    ["a volume of 0 beside iterations", { ...iterative("t", "FIXED", 1, leaf("a")), volume: 0 }],
    ["maxConcurrency 0", { ...leaf("t"), maxConcurrency: 0 }],
    ["a negative volume", leaf("t", -1)],
    ["a fractional volume", leaf("t", 0.5)],
    ["a volume above 2^53 - 1", leaf("t", Number.MAX_SAFE_INTEGER + 1)],
  ])("is rejected with BAD_USER_INPUT for %s, at the root or below it", async (_, task) => {
    await using api = await openApi();

    await expect(api.storeTask({ task })).rejects.toMatchObject(apiError("BAD_USER_INPUT"));
    await expect(api.storeTask({ task: branch("root", leaf("a"), task) })).rejects.toMatchObject(
      apiError("BAD_USER_INPUT"),
    );
    expect(await api.databaseNames()).toEqual([]);
  });

  it("is rejected with the description of the task", async () => {
    await using api = await openApi();

    await expect(api.storeTask({ task: branch("root", branch("phase 2")) })).rejects.toThrow(
      'Task "phase 2"',
    );
  });

  it("is rejected with the name of the setting when a description is too long", async () => {
    await using api = await openApi();

    await expect(api.storeTask({ task: leaf("é".repeat(129)) })).rejects.toThrow("descriptionBytesMax");
  });
});

describe("a large tree", () => {
  it("may list 10,000 tasks", async () => {
    await using api = await openApi();
    const task = branch("root", ...Array.from({ length: 9_999 }, () => leaf("a", 1)));

    expect((await storeBriefly(api, task)).progress.volume).toBe(9_999);
  });

  it.each([
    ["listed", branch("root", ...Array.from({ length: 10_000 }, () => leaf("a")))],
    ["in iterations", iterative("rounds", "DYNAMIC", 2 ** 31 - 1, leaf("a"))],
  ])("is rejected with LIMIT_EXCEEDED when it has more than 10,000 tasks, %s", async (_, task) => {
    await using api = await openApi();

    await expect(storeBriefly(api, task)).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED", /more than 10000 tasks/),
      limit: "tasksPerTreeMax",
    });
  });

  it("may have 32 levels, of sub-tasks or of iterations", async () => {
    await using api = await openApi();

    const { userTask } = await api.storeTask({ task: nested(32) });

    expect(userTask.tasks.at(-1)?.depth).toBe(31);
    expect(await api.storeTask({ task: repeating(32) })).toMatchObject({ outcome: "OVERWRITTEN" });
  });

  it.each([
    ["sub-tasks", nested(33)],
    ["iterations", repeating(33)],
  ])("is rejected with LIMIT_EXCEEDED when it has 33 levels of %s", async (_, task) => {
    await using api = await openApi();

    await expect(api.storeTask({ task })).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED", /more than 32 levels/),
      limit: "levelsPerTreeMax",
    });
  });

  it("is rejected with LIMIT_EXCEEDED when its volumes exceed 2^53 - 1", async () => {
    await using api = await openApi();
    const task = branch("root", leaf("a", Number.MAX_SAFE_INTEGER), leaf("b", 1));

    await expect(api.storeTask({ task })).rejects.toMatchObject(apiError("LIMIT_EXCEEDED", /2\^53 - 1/));
  });

  it("is bounded by the settings of the server", async () => {
    await using api = await openApi({ tasksPerTreeMax: "3", levelsPerTreeMax: "2" });

    await api.storeTask({ task: branch("root", leaf("a"), leaf("b")) });
    await expect(
      api.storeTask({ task: branch("root", leaf("a"), leaf("b"), leaf("c")) }),
    ).rejects.toMatchObject({ limit: "tasksPerTreeMax" });
    await expect(api.storeTask({ task: nested(3) })).rejects.toMatchObject({ limit: "levelsPerTreeMax" });
  });
});

describe("a server that is full", () => {
  it("rejects one job too many with LIMIT_EXCEEDED, but still overwrites existing jobs", async () => {
    await using api = await openApi({ maxJobs: "2" });
    await api.storeTask({ jobId: "a" });
    await api.storeTask({ jobId: "b" });

    await expect(api.storeTask({ jobId: "c" })).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED"),
      limit: "jobsPerDatabaseMax",
    });
    expect(await api.storeTask({ jobId: "a" })).toMatchObject({ outcome: "OVERWRITTEN" });
    await api.removeTask({ jobId: "a" });
    expect(await api.storeTask({ jobId: "c" })).toMatchObject({ outcome: "CREATED" });
  });

  it("rejects one database too many with LIMIT_EXCEEDED, but still stores into existing databases", async () => {
    await using api = await openApi({ databasesMax: "2" });
    await api.storeTask({ database: "a" });
    await api.storeTask({ database: "b" });

    await expect(api.storeTask({ database: "c" })).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED", /Cannot create database "c"/),
      limit: "databasesMax",
    });
    expect(await api.storeTask({ database: "A" })).toMatchObject({ outcome: "OVERWRITTEN" });
    expect(await api.databaseNames()).toEqual(["a", "b"]);
  });
});

describe("a rejected store", () => {
  it.each<[string, StoreTaskInput]>([
    ["its tree", { task: branch("t") }],
    ["the size of its tree", { task: nested(33) }],
    ["its sums", { task: branch("t", leaf("a", Number.MAX_SAFE_INTEGER), leaf("b", 1)) }],
    ["its memory", { memory: { minBytes: 2, maxBytes: 1 } }],
    ["its lease", { leaseSeconds: 0 }],
    ["its user", { username: "" }],
    ["its job id", { jobId: "\n" }],
    ["its requestId", { requestId: "" }],
  ])("creates no database when %s is invalid", async (_, input) => {
    await using api = await openApi();

    await expect(api.storeTask(input)).rejects.toThrow(/./);

    expect(await api.data(`{ databases { name } database(name: "neo4j") { name } }`)).toEqual({
      databases: [],
      database: null,
    });
    expect(api.server.provider.peek(databaseName("neo4j"))).toBeUndefined();
  });

  it("does not count towards the limit of databases", async () => {
    await using api = await openApi({ databasesMax: "1" });
    await expect(api.storeTask({ database: "a", task: branch("t") })).rejects.toThrow(/./);

    expect(await api.storeTask({ database: "b" })).toMatchObject({ outcome: "CREATED" });
  });

  it("uses no revision and leaves the job as it is", async () => {
    await using api = await openApi();
    await api.storeTask();
    const before = await api.everything();

    await expect(api.storeTask({ task: branch("t") })).rejects.toThrow(/./);

    expect(await api.everything()).toEqual(before);
    expect((await api.storeTask()).userTask.revision).toBe(2);
  });

  it("is null and leaves the answers of other root fields intact", async () => {
    await using api = await openApi();

    const { data, errors } = await api.ask(
      `mutation ($bad: StoreTaskInput!, $good: StoreTaskInput!) {
        bad: storeTask(input: $bad) { outcome }
        good: storeTask(input: $good) { outcome }
      }`,
      {
        bad: { database: "neo4j", task: branch("t") },
        good: { database: "neo4j", jobId: randomUUID(), task: leaf("t") },
      },
    );

    expect(data).toEqual({ bad: null, good: { outcome: "CREATED" } });
    expect(errors).toMatchObject([{ path: ["bad"], extensions: { code: "BAD_USER_INPUT" } }]);
  });
});

function epochOf({ position }: ApiJob): string | undefined {
  return position.split(".")[0];
}

/** A chain of tasks, one below another. */
function nested(levels: number): TaskSpec {
  return levels === 1 ? leaf("end") : branch(`level ${levels}`, nested(levels - 1));
}

function repeating(levels: number): TaskSpec {
  return levels === 1 ? leaf("end") : iterative(`level ${levels}`, "FIXED", 1, repeating(levels - 1));
}

/** Stores without selecting the whole tree. */
async function storeBriefly(api: Api, task: object): Promise<{ progress: { volume: number } }> {
  const { storeTask } = await api.data<{
    storeTask: { userTask: { task: { progress: { volume: number } } } };
  }>(
    `mutation ($input: StoreTaskInput!) {
      storeTask(input: $input) { userTask { task { progress { volume } } } }
    }`,
    { input: { database: "neo4j", jobId: "job", task } },
  );
  return storeTask.userTask.task;
}
