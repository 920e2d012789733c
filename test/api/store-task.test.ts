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

const ENDS = ["FINISHED", "CANCELED", "FAILED"] as const;
const ODD_NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "null", "0", "a/b", "a b", "💾"];

describe("storing a job", () => {
  it("creates it, as attempt 1 and version 1", async () => {
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

  it("is answered when it can be read", async () => {
    await using api = await openApi();

    const { userTask } = await api.storeTask();

    expect(await api.task()).toEqual(userTask);
    expect((await api.tasks()).nodes).toEqual([userTask]);
  });

  it("takes the next revision of its database", async () => {
    await using api = await openApi();

    const stored = [
      await api.storeTask({ jobId: "a" }),
      await api.storeTask({ jobId: "b" }),
      await api.storeTask({ jobId: "a" }),
      await api.storeTask({ database: "movies" }),
    ];

    expect(stored.map(({ userTask }) => userTask.revision)).toEqual([1, 2, 3, 1]);
  });

  it("has a position of the epoch of its database, which no other database has", async () => {
    await using api = await openApi();

    const one = await api.storeTask({ jobId: "a" });
    const two = await api.storeTask({ jobId: "b" });
    const other = await api.storeTask({ database: "movies" });

    expect(epochOf(two.userTask)).toBe(epochOf(one.userTask));
    expect(epochOf(other.userTask)).not.toBe(epochOf(one.userTask));
  });

  it("is the caller's, `anonymous`, when the username is left out", async () => {
    await using api = await openApi();

    expect((await api.storeTask()).userTask.username).toBe("anonymous");
    expect((await api.storeTask({ username: null })).userTask).toMatchObject({
      username: "anonymous",
      attempt: 2,
    });
  });

  it("is under a new random UUID each time the jobId is left out", async () => {
    await using api = await openApi();

    const one = await api.storeTask({ jobId: null });
    const two = await api.storeTask({ jobId: null });

    expect(one.userTask.jobId).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(two.userTask.jobId).not.toBe(one.userTask.jobId);
    expect(two).toMatchObject({ outcome: "CREATED", userTask: { attempt: 1 } });
  });

  it("is another job where user, job id or database differs", async () => {
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

  it("takes null for what is optional as left out", async () => {
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
  it("overwrites the tree, as one attempt and one version more", async () => {
    await using api = await openApi();
    await api.storeTask({ task: branch("old", leaf("a"), leaf("b")) });

    const { outcome, userTask } = await api.storeTask({ task: leaf("new") });

    expect(outcome).toBe("OVERWRITTEN");
    expect(userTask).toMatchObject({ attempt: 2, version: 2, revision: 2 });
    expect(userTask.tasks.map(({ description }) => description)).toEqual(["new"]);
    expect(await api.taskCount()).toBe(1);
  });

  it("keeps the id of the job, and gives its tasks new ones", async () => {
    await using api = await openApi();

    const { userTask: one } = await api.storeTask();
    const { userTask: two } = await api.storeTask();

    expect(two.id).toBe(one.id);
    expect(taskOf(two).id).not.toBe(taskOf(one).id);
  });

  it("counts the changes between in its version", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.update({ add: 1 });
    await api.update({ add: 1 });

    expect((await api.storeTask()).userTask).toMatchObject({ attempt: 2, version: 4 });
  });

  it("begins anew: nothing of the attempt before is left", async () => {
    await using api = await openApi();
    await api.storeTask({ memory: { minBytes: 1, maxBytes: 2 } });
    await api.requestCancel();
    await api.updateTask({ updates: [{ done: 5, message: "half" }], log: [{ message: "a line" }] });
    await api.update({ status: "FAILED" });
    api.clock.advance(1_000);

    const { userTask } = await api.storeTask();

    expect(userTask).toMatchObject({
      memory: null,
      cancelRequest: null,
      log: [],
      storedAt: instant(1_000),
      reportedAt: instant(1_000),
      endedAt: null,
      expiresAt: null,
    });
    expect(taskOf(userTask)).toMatchObject({ status: "PENDING", message: null, progress: { done: 0 } });
  });

  it("is the design also while it runs", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.update({ status: "RUNNING" });

    expect(await api.storeTask({ onConflict: "OVERWRITE" })).toMatchObject({ outcome: "OVERWRITTEN" });
  });

  it("at once by many gives each an attempt of its own", async () => {
    await using api = await openApi();

    const stored = await Promise.all(Array.from({ length: 10 }, () => api.storeTask()));

    const attempts = stored.map(({ userTask }) => userTask.attempt).toSorted((a, b) => a - b);
    expect(attempts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(stored.filter(({ outcome }) => outcome === "CREATED")).toHaveLength(1);
  });
});

describe("REJECT", () => {
  it.each([
    ["PENDING", {}],
    ["RUNNING", { status: "RUNNING" as const }],
  ])("refuses with ALREADY_EXISTS while the job is %s, and changes nothing", async (status, update) => {
    await using api = await openApi();
    await api.storeTask();
    await api.update(update);
    const before = await api.everything();

    await expect(api.storeTask({ onConflict: "REJECT" })).rejects.toMatchObject(
      apiError("ALREADY_EXISTS", new RegExp(`"anonymous" already has a job "job": attempt 1 is ${status}`)),
    );
    expect(await api.everything()).toEqual(before);
  });

  it.each(ENDS)("stores over a job that is %s", async (status) => {
    await using api = await openApi();
    await api.storeTask();
    await api.update({ status });

    expect(await api.storeTask({ onConflict: "REJECT" })).toMatchObject({
      outcome: "OVERWRITTEN",
      userTask: { attempt: 2 },
    });
  });

  it("stores a job that is not there, or was removed", async () => {
    await using api = await openApi();

    expect(await api.storeTask({ onConflict: "REJECT" })).toMatchObject({ outcome: "CREATED" });
    await api.removeTask();
    expect(await api.storeTask({ onConflict: "REJECT" })).toMatchObject({ outcome: "CREATED" });
  });

  it("lets one of many through that store at once", async () => {
    await using api = await openApi();

    const answers = await Promise.allSettled(
      Array.from({ length: 10 }, () => api.storeTask({ onConflict: "REJECT" })),
    );

    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await api.task()).toMatchObject({ attempt: 1, version: 1 });
  });
});

describe("the requestId of a store", () => {
  it("the same one again gives the same answer and changes nothing", async () => {
    await using api = await openApi();
    const first = await api.storeTask({ requestId: "r" });
    const before = await api.everything();

    expect(await api.storeTask({ requestId: "r" })).toEqual(first);
    expect(await api.everything()).toEqual(before);
  });

  it("the same one again, of an overwriting store, is answered OVERWRITTEN again", async () => {
    await using api = await openApi();
    await api.storeTask();
    const second = await api.storeTask({ requestId: "r" });

    expect(second.outcome).toBe("OVERWRITTEN");
    expect(await api.storeTask({ requestId: "r" })).toEqual(second);
  });

  it("the same one again is not refused by REJECT", async () => {
    await using api = await openApi();
    const first = await api.storeTask({ requestId: "r", onConflict: "REJECT" });

    expect(await api.storeTask({ requestId: "r", onConflict: "REJECT" })).toEqual(first);
  });

  it("the same one again changes nothing also after the worker has reported", async () => {
    await using api = await openApi();
    await api.storeTask({ requestId: "r" });
    await api.update({ done: 4 });
    const before = await api.everything();

    expect(await api.storeTask({ requestId: "r" })).toMatchObject({
      outcome: "CREATED",
      userTask: { attempt: 1 },
    });
    expect(await api.everything()).toEqual(before);
  });

  it("stores again once the tree that it stored is overwritten", async () => {
    await using api = await openApi();
    await api.storeTask({ requestId: "r" });
    await api.storeTask({ requestId: "other" });

    expect((await api.storeTask({ requestId: "r" })).userTask.attempt).toBe(3);
  });

  it("stores again once the tree that it stored is removed", async () => {
    await using api = await openApi();
    await api.storeTask({ requestId: "r" });
    await api.removeTask();

    expect(await api.storeTask({ requestId: "r" })).toMatchObject({
      outcome: "CREATED",
      userTask: { attempt: 2 },
    });
  });

  it("of another job or user is another request", async () => {
    await using api = await openApi();
    await api.storeTask({ requestId: "r" });

    const others = [
      await api.storeTask({ requestId: "r", jobId: "other" }),
      await api.storeTask({ requestId: "r", username: "bob" }),
      await api.storeTask({ requestId: "r", database: "movies" }),
    ];

    expect(others.map(({ outcome }) => outcome)).toEqual(["CREATED", "CREATED", "CREATED"]);
  });

  it("is not one of a report", async () => {
    await using api = await openApi();
    await api.storeTask({ requestId: "r" });

    expect(taskOf(await api.updateTask({ requestId: "r", updates: [{ add: 3 }] })).progress.done).toBe(3);
  });

  it("is compared as a name is, in Unicode form NFC", async () => {
    await using api = await openApi();
    await api.storeTask({ requestId: "caf\u00e9" });

    expect((await api.storeTask({ requestId: "cafe\u0301" })).userTask.attempt).toBe(1);
  });
});

describe("the lease of a job", () => {
  it("is as long as the store says: a heartbeat is committed when a quarter of it has passed", async () => {
    await using api = await openApi();
    await api.storeTask({ leaseSeconds: 40 });

    api.clock.advance(9_999);
    expect(await api.updateTask()).toMatchObject({ version: 1, reportedAt: instant() });
    api.clock.advance(1);
    expect(await api.updateTask()).toMatchObject({ version: 2, reportedAt: instant(10_000) });
  });

  it("is the server's default when left out", async () => {
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

  it.each([0, -1, 604_801])("of %d seconds is BAD_USER_INPUT", async (leaseSeconds) => {
    await using api = await openApi();

    await expect(api.storeTask({ leaseSeconds })).rejects.toMatchObject(
      apiError("BAD_USER_INPUT", new RegExp(`leaseSeconds is ${leaseSeconds}; .* from 1 to 604800`)),
    );
  });
});

describe("the memory range of a job", () => {
  it.each([
    { minBytes: 0, maxBytes: 0 },
    { minBytes: 1, maxBytes: Number.MAX_SAFE_INTEGER },
  ])("is kept as it was given: %j", async (memory) => {
    await using api = await openApi();

    expect((await api.storeTask({ memory })).userTask.memory).toEqual(memory);
    expect((await api.update({ add: 1 })).memory).toEqual(memory);
  });

  it.each([
    { minBytes: 2, maxBytes: 1 },
    { minBytes: -1, maxBytes: 1 },
    { minBytes: 0.5, maxBytes: 1 },
    { minBytes: 1, maxBytes: Number.MAX_SAFE_INTEGER + 1 },
  ])("that can't be meant is BAD_USER_INPUT: %j", async (memory) => {
    await using api = await openApi();

    await expect(api.storeTask({ memory })).rejects.toMatchObject(apiError("BAD_USER_INPUT"));
  });
});

describe("the names of a job", () => {
  it("the database's is lower-cased, then NFC-normalised, and given back so", async () => {
    await using api = await openApi();

    const { userTask } = await api.storeTask({ database: "CAFE\u0301" });

    expect(userTask.database).toBe("caf\u00e9");
    expect(await api.task({ database: "Caf\u00c9" })).toEqual(userTask);
    expect(await api.databaseNames()).toEqual(["caf\u00e9"]);
  });

  it.each(["username", "jobId"] as const)("the %s is NFC-normalised and keeps its case", async (name) => {
    await using api = await openApi();

    const { userTask } = await api.storeTask({ [name]: "Cafe\u0301" });
    const again = await api.storeTask({ [name]: "Caf\u00e9" });
    const other = await api.storeTask({ [name]: "caf\u00e9" });

    expect(userTask[name]).toBe("Caf\u00e9");
    expect(again).toMatchObject({ outcome: "OVERWRITTEN", userTask: { attempt: 2 } });
    expect(other).toMatchObject({ outcome: "CREATED", userTask: { [name]: "caf\u00e9" } });
  });

  it.each(ODD_NAMES)("%s is a name like any other", async (name) => {
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

  it.each(["__proto__", "constructor"])("nothing is under %s before it is stored", async (name) => {
    await using api = await openApi();
    await api.storeTask();

    expect(await api.task({ database: name, username: name, jobId: name })).toBeNull();
    expect(await api.task({ username: name, jobId: name })).toBeNull();
    expect(await api.task({ jobId: name })).toBeNull();
    expect(await api.taskCount({ username: name })).toBe(0);
  });

  it.each(["database", "username", "jobId", "requestId"] as const)(
    "the %s may have 128 bytes, counted after normalisation",
    async (name) => {
      await using api = await openApi();

      expect(await api.storeTask({ [name]: "e\u0301".repeat(64) })).toMatchObject({ outcome: "CREATED" });
    },
  );

  it.each(
    (["database", "username", "jobId", "requestId"] as const).flatMap((name) => [
      { name, value: "", fault: "is empty" },
      { name, value: "a\nb", fault: "has a control character in it" },
      { name, value: "a\u0000", fault: "has a control character in it" },
      { name, value: "\u0085", fault: "has a control character in it" },
      { name, value: "\ud800", fault: "is no well-formed Unicode" },
      { name, value: "é".repeat(65), fault: "has 130 bytes" },
    ]),
  )("are refused with the reason: $name $value $fault", async ({ name, value, fault }) => {
    await using api = await openApi();

    await expect(api.storeTask({ [name]: value })).rejects.toMatchObject(
      apiError("BAD_USER_INPUT", new RegExp(`The ${name} ${fault}`)),
    );
  });

  it.each(["database", "username", "jobId", "requestId"] as const)(
    "too long a %s is refused with the name of the setting",
    async (name) => {
      await using api = await openApi();

      await expect(api.storeTask({ [name]: "a".repeat(129) })).rejects.toThrow("nameBytesMax");
    },
  );
});

describe("a stored tree", () => {
  it("has every kind of task, in pre-order, parents before children", async () => {
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

  it("is the same tree from the root down", async () => {
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

  it("says mode and iterations of ITERATIVE tasks only", async () => {
    await using api = await openApi();
    const task = branch(
      "root",
      iterative("fixed", "FIXED", 2, leaf("a")),
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
  });

  it("adds up the volumes of its leaves, of every iteration", async () => {
    await using api = await openApi();
    const task = branch("root", iterative("rounds", "FIXED", 3, leaf("a", 2), leaf("b", 5)), leaf("c", 3));

    const { userTask } = await api.storeTask({ task });

    expect(taskOf(userTask).progress).toMatchObject({ done: 0, volume: 24, knownVolume: 24, ratio: 0 });
    expect(taskOf(userTask, "0").progress).toMatchObject({ volume: 21 });
  });

  it("has no volume, ratio or percentage while one leaf's is unknown, but never loses the known volume", async () => {
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

  it("has an unknown volume while it has iterations whose number is OPEN", async () => {
    await using api = await openApi();

    const { userTask } = await api.storeTask({
      task: branch("root", leaf("a", 7), iterative("open", "OPEN", null, leaf("b", 2))),
    });

    expect(taskOf(userTask, "1").progress).toMatchObject({ volume: null, knownVolume: 0 });
    expect(taskOf(userTask).progress).toMatchObject({ volume: null, knownVolume: 7 });
  });

  it("with nothing to do has done all of it, as in GDS", async () => {
    await using api = await openApi();

    const { userTask } = await api.storeTask({ task: leaf("nothing", 0) });

    expect(taskOf(userTask).progress).toMatchObject({ volume: 0, ratio: 1, percent: "100%" });
  });

  it("hands maxConcurrency down to tasks that say nothing else", async () => {
    await using api = await openApi();
    const task = {
      ...branch("root", leaf("a"), { ...branch("b", leaf("c")), maxConcurrency: 2 }),
      maxConcurrency: 8,
    };

    const { userTask } = await api.storeTask({ task });

    expect(userTask.tasks.map(({ path, maxConcurrency }) => [path, maxConcurrency])).toEqual([
      ["", 8],
      ["0", 8],
      ["1", 2],
      ["1.0", 2],
    ]);
  });

  it("may count to 2^53 - 1", async () => {
    await using api = await openApi();

    const { userTask } = await api.storeTask({
      task: branch("root", leaf("a", Number.MAX_SAFE_INTEGER - 1), leaf("b", 1)),
    });

    expect(taskOf(userTask).progress.volume).toBe(Number.MAX_SAFE_INTEGER);
  });

  it("keeps a description as it is but for Unicode form NFC", async () => {
    await using api = await openApi();

    const { userTask } = await api.storeTask({ task: leaf(" <b>Cafe\u0301</b> \u{1f4be} ") });

    expect(taskOf(userTask).description).toBe(" <b>Caf\u00e9</b> \u{1f4be} ");
  });
});

describe("a tree that can't be meant is BAD_USER_INPUT", () => {
  it.each([
    ["both subTasks and iterations", { ...branch("t", leaf("a")), ...iterative("t", "FIXED", 1, leaf("a")) }],
    ["an empty list of subTasks", branch("t")],
    [
      "an empty list of subTasks beside iterations",
      { ...iterative("t", "FIXED", 1, leaf("a")), subTasks: [] },
    ],
    ["an empty list of tasks to repeat", iterative("t", "FIXED", 1)],
    ["an empty list of tasks to repeat, without a bound", iterative("t", "OPEN", null)],
    ["a volume beside subTasks", { ...branch("t", leaf("a")), volume: 1 }],
    ["a volume of 0 beside iterations", { ...iterative("t", "FIXED", 1, leaf("a")), volume: 0 }],
    ["FIXED without max", iterative("t", "FIXED", null, leaf("a"))],
    ["DYNAMIC without max", iterative("t", "DYNAMIC", null, leaf("a"))],
    ["OPEN with max", iterative("t", "OPEN", 3, leaf("a"))],
    ["max 0", iterative("t", "FIXED", 0, leaf("a"))],
    ["a negative max", iterative("t", "DYNAMIC", -1, leaf("a"))],
    ["maxConcurrency 0", { ...leaf("t"), maxConcurrency: 0 }],
    ["a negative volume", leaf("t", -1)],
    ["a broken volume", leaf("t", 0.5)],
    ["a volume above 2^53 - 1", leaf("t", Number.MAX_SAFE_INTEGER + 1)],
    ["an empty description", leaf("")],
    ["a description with a control character", leaf("a\tb")],
    ["a description that is no well-formed Unicode", leaf("\udc00")],
    ["a description of 257 bytes", leaf("a".repeat(257))],
  ])("%s, at the root or below it", async (_, task) => {
    await using api = await openApi();

    await expect(api.storeTask({ task })).rejects.toMatchObject(apiError("BAD_USER_INPUT"));
    await expect(api.storeTask({ task: branch("root", leaf("a"), task) })).rejects.toMatchObject(
      apiError("BAD_USER_INPUT"),
    );
    await expect(api.storeTask({ task: iterative("root", "OPEN", null, task) })).rejects.toMatchObject(
      apiError("BAD_USER_INPUT"),
    );
    expect(await api.databaseNames()).toEqual([]);
  });

  it("and the message names the task", async () => {
    await using api = await openApi();

    await expect(api.storeTask({ task: branch("root", branch("phase 2")) })).rejects.toThrow(
      'Task "phase 2"',
    );
  });

  it("and too long a description is refused with the name of the setting", async () => {
    await using api = await openApi();

    await expect(api.storeTask({ task: leaf("é".repeat(129)) })).rejects.toThrow("descriptionBytesMax");
  });
});

describe("a tree that is too large is LIMIT_EXCEEDED", () => {
  it("of 10,000 tasks it is not", async () => {
    await using api = await openApi();

    const task = await storeBriefly(api, iterative("rounds", "FIXED", 9_999, leaf("a", 1)));

    expect(task.progress.volume).toBe(9_999);
  });

  it.each([
    ["listed", branch("root", ...Array.from({ length: 10_000 }, () => leaf("a")))],
    ["by iterations", iterative("rounds", "FIXED", 10_000, leaf("a"))],
    ["by iterations in iterations", iterative("a", "FIXED", 100, iterative("b", "FIXED", 100, leaf("c")))],
    ["by more iterations than memory holds", iterative("rounds", "DYNAMIC", 2 ** 31 - 1, leaf("a"))],
  ])("of 10,001 tasks, %s", async (_, task) => {
    await using api = await openApi();

    await expect(storeBriefly(api, task)).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED", /more than 10000 tasks/),
      limit: "tasksPerTreeMax",
    });
  });

  it("of 32 levels it is not", async () => {
    await using api = await openApi();

    const { userTask } = await api.storeTask({ task: nested(32) });

    expect(userTask.tasks.at(-1)?.depth).toBe(31);
  });

  it("of 32 levels of iterations it is not", async () => {
    await using api = await openApi();

    expect(await api.storeTask({ task: repeating(32) })).toMatchObject({ outcome: "CREATED" });
  });

  it.each([
    ["tasks", nested(33)],
    ["iterations", repeating(33)],
    ["iterations that have not begun", iterative("open", "OPEN", null, nested(32))],
  ])("of 33 levels of %s", async (_, task) => {
    await using api = await openApi();

    await expect(api.storeTask({ task })).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED", /more than 32 levels/),
      limit: "levelsPerTreeMax",
    });
  });

  it.each([
    ["two leaves", branch("root", leaf("a", Number.MAX_SAFE_INTEGER), leaf("b", 1))],
    ["its iterations", iterative("rounds", "FIXED", 2, leaf("a", 2 ** 52))],
  ])("where the volumes of %s pass 2^53 - 1", async (_, task) => {
    await using api = await openApi();

    await expect(api.storeTask({ task })).rejects.toMatchObject(apiError("LIMIT_EXCEEDED", /2\^53 - 1/));
  });

  it("by the settings of the server", async () => {
    await using api = await openApi({ tasksPerTreeMax: "3", levelsPerTreeMax: "2" });

    await api.storeTask({ task: branch("root", leaf("a"), leaf("b")) });
    await expect(
      api.storeTask({ task: branch("root", leaf("a"), leaf("b"), leaf("c")) }),
    ).rejects.toMatchObject({ limit: "tasksPerTreeMax" });
    await expect(api.storeTask({ task: nested(3) })).rejects.toMatchObject({ limit: "levelsPerTreeMax" });
  });
});

describe("a server that is full", () => {
  it("refuses one job too many with LIMIT_EXCEEDED, but none that is there", async () => {
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

  it("refuses one database too many with LIMIT_EXCEEDED, but none that is there", async () => {
    await using api = await openApi({ databasesMax: "2" });
    await api.storeTask({ database: "a" });
    await api.storeTask({ database: "b" });

    await expect(api.storeTask({ database: "c" })).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED", /"c" would be one too many/),
      limit: "databasesMax",
    });
    expect(await api.storeTask({ database: "A" })).toMatchObject({ outcome: "OVERWRITTEN" });
    expect(await api.databaseNames()).toEqual(["a", "b"]);
  });
});

describe("a refused store", () => {
  it.each<[string, StoreTaskInput]>([
    ["its tree", { task: branch("t") }],
    ["the size of its tree", { task: nested(33) }],
    ["its sums", { task: branch("t", leaf("a", Number.MAX_SAFE_INTEGER), leaf("b", 1)) }],
    ["its memory", { memory: { minBytes: 2, maxBytes: 1 } }],
    ["its lease", { leaseSeconds: 0 }],
    ["its user", { username: "" }],
    ["its job id", { jobId: "\n" }],
    ["its requestId", { requestId: "" }],
  ])("for %s creates no database", async (_, input) => {
    await using api = await openApi();

    await expect(api.storeTask(input)).rejects.toThrow(/./);

    expect(await api.data(`{ databases { name } database(name: "neo4j") { name } }`)).toEqual({
      databases: [],
      database: null,
    });
    expect(api.server.provider.peek(databaseName("neo4j"))).toBeUndefined();
  });

  it("takes no room from the databases that may be", async () => {
    await using api = await openApi({ databasesMax: "1" });
    await expect(api.storeTask({ database: "a", task: branch("t") })).rejects.toThrow(/./);

    expect(await api.storeTask({ database: "b" })).toMatchObject({ outcome: "CREATED" });
  });

  it("takes no revision, and leaves the job as it is", async () => {
    await using api = await openApi();
    await api.storeTask();
    const before = await api.everything();

    await expect(api.storeTask({ task: branch("t") })).rejects.toThrow(/./);

    expect(await api.everything()).toEqual(before);
    expect((await api.storeTask()).userTask.revision).toBe(2);
  });

  it("is null and does not take the answers of the others with it", async () => {
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

/** Stores without asking for the whole tree back. */
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
