import { describe, expect, it } from "vitest";
import { createMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { delayJournal } from "../kit/journal/delayed-journal.js";
import { branch, leaf } from "../kit/store/edits.js";
import { databaseName } from "../kit/journal/entries.js";
import { seededRandom } from "../kit/deterministic/seeded-random.js";
import { createHeldJournal } from "./held-journal.js";
import { JOB_FRAGMENT, instant, openApi, apiError, type Api, type CountFilter, type ApiJob } from "./api.js";

const ORIGIN = "AAAAAAAAAAAA.0";

describe("a count", () => {
  it.each<[CountFilter, number]>([
    [{}, 6],
    [{ database: "Neo4J" }, 6],
    [{ username: "alice" }, 3],
    [{ username: "bob" }, 2],
    [{ username: "nobody" }, 0],
    [{ jobId: "one" }, 3],
    [{ jobId: "two" }, 2],
    [{ jobId: "nothing" }, 0],
    [{ username: "alice", jobId: "one" }, 1],
    [{ username: "bob", jobId: "three" }, 0],
    [{ status: ["PENDING"] }, 2],
    [{ status: ["RUNNING"] }, 1],
    [{ status: ["FINISHED", "FAILED", "CANCELED"] }, 3],
    [{ status: ["FINISHED", "FINISHED"] }, 1],
    [{ status: [] }, 0],
    [{ status: null, username: null, jobId: null }, 6],
    [{ username: "alice", status: ["PENDING", "RUNNING"] }, 2],
    [{ jobId: "one", status: ["FINISHED"] }, 0],
    [{ username: "alice", jobId: "three", status: ["FINISHED"] }, 1],
    [{ database: "movies" }, 1],
    [{ database: "nothing" }, 0],
  ])("filters by %j, counts %d and agrees with the list", async (filter, count) => {
    await using api = await openWithJobs();

    const { nodes, totalCount } = await api.tasks(filter);

    expect(await api.taskCount(filter)).toBe(count);
    expect([nodes.length, totalCount]).toEqual([count, count]);
  });

  it("is also a field of a database, by user and status", async () => {
    await using api = await openWithJobs();

    expect(
      await api.data(`{ database(name: "NEO4J") {
        all: taskCount
        alice: taskCount(username: "alice")
        running: taskCount(status: [RUNNING])
        none: taskCount(status: [])
        bobFailed: taskCount(username: "bob", status: [FAILED])
      } }`),
    ).toEqual({ database: { all: 6, alice: 3, running: 1, none: 0, bobFailed: 1 } });
  });

  it("follows every change", async () => {
    await using api = await openApi();
    await api.storeTask();
    const counts = async () => [
      await api.taskCount({ status: ["PENDING"] }),
      await api.taskCount({ status: ["RUNNING"] }),
      await api.taskCount({ status: ["FAILED"] }),
    ];

    expect(await counts()).toEqual([1, 0, 0]);
    await api.update({ status: "RUNNING" });
    expect(await counts()).toEqual([0, 1, 0]);
    await api.update({ status: "FAILED" });
    expect(await counts()).toEqual([0, 0, 1]);
    await api.storeTask();
    expect(await counts()).toEqual([1, 0, 0]);
    await api.removeTask();
    expect(await counts()).toEqual([0, 0, 0]);
  });
});

describe("a list", () => {
  it("is ordered by store, newest first, regardless of later changes", async () => {
    await using api = await openWithJobs();
    await api.updateTask({ username: "alice", jobId: "one", updates: [{ message: "late" }] });

    expect((await api.tasks()).nodes.map(nameOf)).toEqual([
      "carol one",
      "bob two",
      "bob one",
      "alice three",
      "alice two",
      "alice one",
    ]);
  });

  it.each<[CountFilter, string[]]>([
    [{ username: "bob" }, ["bob two", "bob one"]],
    [{ jobId: "one" }, ["carol one", "bob one", "alice one"]],
    [{ username: "alice", jobId: "two" }, ["alice two"]],
    [{ status: ["PENDING"] }, ["carol one", "alice one"]],
    [{ status: ["CANCELED", "FAILED"] }, ["bob two", "bob one"]],
    [{ jobId: "one", status: ["PENDING"] }, ["carol one", "alice one"]],
  ])("has exactly the jobs that match %j", async (filter, names) => {
    await using api = await openWithJobs();

    expect((await api.tasks(filter)).nodes.map(nameOf)).toEqual(names);
  });

  it("finds names in any Unicode form, and keeps their case apart", async () => {
    await using api = await openApi();
    await api.storeTask({ username: "Jos\u00e9", jobId: "\u00c5" });

    expect(await api.taskCount({ username: "Jose\u0301", jobId: "A\u030a" })).toBe(1);
    expect(await api.taskCount({ username: "jos\u00e9" })).toBe(0);
    expect(await api.taskCount({ jobId: "\u00e5" })).toBe(0);
  });

  it.each<CountFilter>([{ username: "" }, { jobId: "" }, { database: "" }, { username: "a\nb" }])(
    "rejects an invalid name with BAD_USER_INPUT: %j",
    async (filter) => {
      await using api = await openWithJobs();

      await expect(api.taskCount(filter)).rejects.toMatchObject(apiError("BAD_USER_INPUT"));
      await expect(api.tasks(filter)).rejects.toMatchObject(apiError("BAD_USER_INPUT"));
    },
  );
});

describe("a job", () => {
  it("is found by database, user and job id, and null when one of them differs", async () => {
    await using api = await openWithJobs();
    const names = { username: "alice", jobId: "two" };

    expect(await api.task(names)).toMatchObject({ ...names, database: "neo4j" });
    expect(await api.task({ ...names, username: "Alice" })).toBeNull();
    expect(await api.task({ ...names, jobId: "four" })).toBeNull();
    expect(await api.task({ ...names, database: "movies" })).toBeNull();
    expect(await api.task({ ...names, database: "nothing" })).toBeNull();
  });

  it("has the revision and the position of its own latest change", async () => {
    await using api = await openApi();
    await api.storeTask({ jobId: "a" });
    await api.storeTask({ jobId: "b" });
    await api.updateTask({ jobId: "a", updates: [{ add: 1 }] });
    await api.updateTask({ jobId: "b", updates: [{ add: 1 }] });

    const job = await api.task({ jobId: "a" });

    expect(job).toMatchObject({ revision: 3, version: 2 });
    expect((await api.tasks()).position).toBe(job?.position.replace(/\.3$/, ".4"));
  });

  it("shows the bar of a task in any width from 1 to 100", async () => {
    await using api = await openApi();
    await api.storeTask({ task: branch("root", leaf("a", 4), leaf("b")) });
    await api.update({ path: "0", done: 3 });

    expect(
      await api.data(`{ task(database: "neo4j", username: "anonymous", jobId: "job") { tasks { progress {
        default: bar one: bar(width: 1) four: bar(width: 4)
      } } } }`),
    ).toEqual({
      task: {
        tasks: [
          { progress: { default: "[~~~~n/a~~~]", one: "[~]", four: "[~n/a]" } },
          { progress: { default: "[#######~~~]", one: "[~]", four: "[###~]" } },
          { progress: { default: "[~~~~n/a~~~]", one: "[~]", four: "[~n/a]" } },
        ],
      },
    });
    expect(
      JSON.stringify(
        await api.data(`{ tasks(database: "neo4j") { nodes { task { progress { bar(width: 100) } } } } }`),
      ),
    ).toMatch(/\[~{49}n\/a~{48}\]/);
  });

  it.each([0, -1, 101])("rejects a bar of width %d with BAD_USER_INPUT", async (width) => {
    await using api = await openWithJobs();

    await expect(
      api.data(
        `query ($width: Int!) { tasks(database: "neo4j") { nodes { task { progress { bar(width: $width) } } } } }`,
        { width },
      ),
    ).rejects.toMatchObject(apiError("BAD_USER_INPUT", /width -?\d+: .* from 1 to 100/));
  });
});

describe("node", () => {
  const NODE = `query ($id: ID!) { node(id: $id) { __typename id ...Job } } ${JOB_FRAGMENT}`;

  it("finds a job by its id alone", async () => {
    await using api = await openWithJobs();
    const job = await api.task({ username: "alice", jobId: "two" });

    expect(await api.data(NODE, { id: job?.id })).toEqual({ node: { __typename: "UserTask", ...job } });
  });

  it.each([
    ['["a","b', '","c"]'],
    ["a/b", "c"],
    ["\u{1f4be}", "ﬀ"],
    ["a,b", '\\"'],
  ])("finds jobs whose names could be mistaken for others: %s %s", async (username, jobId) => {
    await using api = await openApi();
    const { userTask } = await api.storeTask({ username, jobId });
    await api.storeTask({ username: `${username}${jobId}`, jobId });

    expect(await api.data(NODE, { id: userTask.id })).toMatchObject({ node: { username, jobId } });
  });

  it("is null for a job that is unknown or removed", async () => {
    await using api = await openWithJobs();
    const { userTask } = await api.storeTask();
    await api.removeTask();

    expect(await api.data(NODE, { id: userTask.id })).toEqual({ node: null });
    expect(await api.data(NODE, { id: idOf("nothing", "alice", "one") })).toEqual({ node: null });
    expect(await api.databaseNames()).toEqual(["movies", "neo4j"]);
  });

  it.each([
    "",
    "garbage",
    "äöü",
    encoded("[]"),
    encoded("{}"),
    encoded("null"),
    encoded('["neo4j","alice"]'),
    encoded('["neo4j","alice","one","two"]'),
    encoded('["neo4j","alice",1]'),
    encoded('["NEO4J","alice","one"]'),
    encoded('["neo4j", "alice", "one"]'),
    encoded('["neo4j","","one"]'),
    encoded('["neo4j","cafe\u0301","one"]'),
    `${idOf("neo4j", "alice", "one")}==`,
    `${idOf("neo4j", "alice", "one")} `,
    "x".repeat(10_000),
  ])("rejects an invalid id with BAD_USER_INPUT: %s", async (id) => {
    await using api = await openWithJobs();

    await expect(api.data(NODE, { id })).rejects.toMatchObject(apiError("BAD_USER_INPUT"));
    await expect(
      api.data(`query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, { ids: [id] }),
    ).rejects.toMatchObject(apiError("BAD_USER_INPUT"));
  });

  it("rejects the id of a task, which is for caches only", async () => {
    await using api = await openWithJobs();
    const job = await api.task({ username: "alice", jobId: "two" });

    await expect(api.data(NODE, { id: job?.tasks[0]?.id })).rejects.toMatchObject(apiError("BAD_USER_INPUT"));
  });
});

describe("nodes", () => {
  const NODES = `query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`;

  it("are in the order of the ids, with null for unknown jobs", async () => {
    await using api = await openWithJobs();
    const ids = [
      idOf("neo4j", "bob", "two"),
      idOf("neo4j", "bob", "nothing"),
      idOf("movies", "alice", "one"),
      idOf("nothing", "alice", "one"),
      idOf("neo4j", "alice", "one"),
      idOf("neo4j", "bob", "two"),
    ];

    expect(await api.data(NODES, { ids })).toEqual({
      nodes: [{ id: ids[0] }, null, { id: ids[2] }, null, { id: ids[4] }, { id: ids[5] }],
    });
  });

  it("may be 0 to 100", async () => {
    await using api = await openWithJobs();
    const ids = Array.from({ length: 100 }, (_, index) => idOf("neo4j", "alice", `${index}`));

    expect(await api.data(NODES, { ids: [] })).toEqual({ nodes: [] });
    expect(await api.data(NODES, { ids })).toEqual({ nodes: ids.map(() => null) });
    await expect(api.data(NODES, { ids: [...ids, ids[0]] })).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED", /101 ids/),
      limit: "nodesPerRequestMax",
    });
  });
});

describe("databases", () => {
  const DATABASES = `query ($first: Int! = 100, $after: String) { databases(first: $first, after: $after) { name } }`;

  it("are those with jobs, in order of name, with position, count and users", async () => {
    await using api = await openWithJobs();

    const { databases } = await api.data<{ databases: unknown }>(
      `{ databases { name position taskCount usernames } }`,
    );

    expect(databases).toEqual([
      { name: "movies", position: expect.stringMatching(/\.1$/), taskCount: 1, usernames: ["alice"] },
      {
        name: "neo4j",
        position: (await api.tasks()).position,
        taskCount: 6,
        usernames: ["alice", "bob", "carol"],
      },
    ]);
  });

  it("continue after a name, which need not exist, in any case", async () => {
    await using api = await openApi();
    await Promise.all(["a", "c", "b", "d", "\u00e9"].map((database) => api.storeTask({ database })));
    const page = async (variables: object) => {
      const { databases } = await api.data<{ databases: { name: string }[] }>(DATABASES, { ...variables });
      return databases.map(({ name }) => name);
    };

    expect(await page({})).toEqual(["a", "b", "c", "d", "\u00e9"]);
    expect(await page({ first: 2 })).toEqual(["a", "b"]);
    expect(await page({ first: 2, after: "b" })).toEqual(["c", "d"]);
    expect(await page({ first: 2, after: "D" })).toEqual(["\u00e9"]);
    expect(await page({ first: 2, after: "bb" })).toEqual(["c", "d"]);
    expect(await page({ first: 2, after: "E\u0301" })).toEqual([]);
    expect(await page({ first: 100, after: null })).toHaveLength(5);
    expect(await page({ first: 2, after: "" })).toEqual(["a", "b"]);
    expect(await page({ first: 0 })).toEqual([]);
  });

  it.each([
    [{ first: -1 }, "BAD_USER_INPUT"],
    [{ first: 101 }, "LIMIT_EXCEEDED"],
    [{ after: "a\nb" }, "BAD_USER_INPUT"],
  ])("reject %j with %s", async (variables, code) => {
    await using api = await openWithJobs();

    await expect(api.data(DATABASES, variables)).rejects.toMatchObject(apiError(code));
  });
});

describe("activeAt", () => {
  const ACTIVE = `{ database(name: "neo4j") { activeAt } }`;

  it("is the time of the latest report, and not of other changes", async () => {
    await using api = await openApi();
    await api.storeTask();
    api.clock.advance(1_000);
    await api.update({ done: 1 });
    api.clock.advance(1_000);
    await api.storeTask({ jobId: "other" });
    await api.removeTask({ jobId: "other" });
    api.clock.advance(61_000); // SILENT

    expect(await api.data(ACTIVE)).toEqual({
      database: { activeAt: instant(2_000) },
    });
  });
});

describe("usernames", () => {
  const USERNAMES = `query ($first: Int! = 100, $after: String) {
    database(name: "neo4j") { usernames(first: $first, after: $after) }
  }`;

  it("are the users with jobs, each once, in order of name, and continue after a name", async () => {
    await using api = await openApi();
    for (const username of ["bob", "alice", "Zoe", "bob", "\u00e9mile", "__proto__"]) {
      await api.storeTask({ username, jobId: null });
    }
    await api.storeTask({ username: "gone" });
    await api.removeTask({ username: "gone" });
    const page = async (variables: object) => {
      const { database } = await api.data<{ database: { usernames: string[] } }>(USERNAMES, { ...variables });
      return database.usernames;
    };

    expect(await page({})).toEqual(["Zoe", "__proto__", "alice", "bob", "\u00e9mile"]);
    expect(await page({ first: 2 })).toEqual(["Zoe", "__proto__"]);
    expect(await page({ first: 2, after: "__proto__" })).toEqual(["alice", "bob"]);
    expect(await page({ first: 2, after: "al" })).toEqual(["alice", "bob"]);
    expect(await page({ after: "e\u0301mile" })).toEqual([]);
    expect(await page({ first: 2, after: "" })).toEqual(["Zoe", "__proto__"]);
    expect(await page({ first: 0 })).toEqual([]);
  });

  it("are listed while they have a job", async () => {
    await using api = await openWithJobs();
    await api.removeTask({ username: "bob", jobId: "one" });
    expect(await api.data(USERNAMES)).toEqual({ database: { usernames: ["alice", "bob", "carol"] } });

    await api.removeTask({ username: "bob", jobId: "two" });
    expect(await api.data(USERNAMES)).toEqual({ database: { usernames: ["alice", "carol"] } });
  });

  it.each([
    [{ first: -1 }, "BAD_USER_INPUT"],
    [{ first: 101 }, "LIMIT_EXCEEDED"],
    [{ after: "a\nb" }, "BAD_USER_INPUT"],
  ])("reject %j with %s", async (variables, code) => {
    await using api = await openWithJobs();

    await expect(api.data(USERNAMES, variables)).rejects.toMatchObject(apiError(code));
  });
});

describe("a database without any store", () => {
  const READ_ALL = `{
    taskCount(database: "Nothing")
    tasks(database: "nothing") { totalCount position nodes { id } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
    listProgress(database: "nothing") { jobId }
    task(database: "nothing", username: "a", jobId: "b") { id }
    database(name: "nothing") { name }
    databases { name }
    node(id: "${idOf("nothing", "a", "b")}") { id }
  }`;

  it("has no tasks, counts 0, and is null", async () => {
    await using api = await openApi();

    expect(await api.data(READ_ALL)).toEqual({
      taskCount: 0,
      tasks: {
        totalCount: 0,
        position: ORIGIN,
        nodes: [],
        edges: [],
        pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
      },
      listProgress: [],
      task: null,
      database: null,
      databases: [],
      node: null,
    });
  });

  it("is not created by reading", async () => {
    await using api = await openApi({ databasesMax: "1" });

    await api.data(READ_ALL);

    expect(api.server.provider.peek(databaseName("nothing"))).toBeUndefined();
    expect(await api.storeTask({ database: "other" })).toMatchObject({ outcome: "CREATED" });
  });

  it("has its first revision once something is stored in it", async () => {
    await using api = await openApi();
    await api.tasks();

    expect((await api.storeTask()).userTask.position).toMatch(/\.1$/);
  });
});

describe("one query operation", () => {
  it("reads a database at one revision in all its root fields, despite concurrent writes", async () => {
    const journal = delayJournal(createMemoryJournal(DEFAULT_LIMITS), seededRandom(1));
    await using api = await openApi({}, { journal });
    await api.storeTask({ username: "w0" });

    const answers = await answersWhile<Answer>(
      api,
      READ,
      Promise.all([0, 1, 2, 3].map((writer) => write(api, writer))),
    );

    expect(answers.length).toBeGreaterThan(10);
    expect(answers.map(disagreements)).toEqual(answers.map(() => []));
    expect(new Set(answers.map(({ tasks }) => tasks.position)).size).toBeGreaterThan(5);
  });

  it("reads closed databases like open ones", async () => {
    const journal = createMemoryJournal(DEFAULT_LIMITS);
    await using writing = await openApi({}, { journal });
    await writing.storeTask({ username: "w0" });
    await writing.storeTask({ database: "movies" });
    await using reading = await openApi({}, { journal: delayJournal(journal, seededRandom(2)) });
    const query = `{
      movies: database(name: "movies") { position taskCount }
      nothing: database(name: "nothing") { position }
      databases { name position taskCount }
      ${READ.slice(1)}`;

    const answer = await reading.data<Answer>(query);

    expect(answer).toEqual(await writing.data<Answer>(query));
    expect(disagreements(answer)).toEqual([]);
  });

  it("lists exactly the databases that are not null in the same answer, while they appear and disappear", async () => {
    const journal = delayJournal(createMemoryJournal(DEFAULT_LIMITS), seededRandom(3));
    await using api = await openApi({}, { journal });

    const listings = await answersWhile<Listing>(api, LISTING, appearAndDisappear(api));

    expect(listings.length).toBeGreaterThan(10);
    expect(listings.find(isContradiction)).toBeUndefined();
  });

  it("does not list a database before its first store can be read", async () => {
    const journal = createHeldJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using api = await openApi({}, { journal });
    journal.hold();
    const storing = api.storeTask();
    await journal.written;
    const before = await api.data(LISTING);
    journal.release();
    await storing;

    expect(before).toEqual({ databases: [], database: null });
    expect(await api.data(LISTING)).toMatchObject({
      databases: [{ taskCount: 1 }],
      database: { taskCount: 1 },
    });
  });

  it("lists a database until its purge can be read", async () => {
    const journal = createHeldJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using api = await openApi({}, { journal });
    await api.storeTask();
    journal.hold();
    const purging = api.purgeDatabase();
    await journal.written;
    const before = await api.data(LISTING);
    journal.release();
    await purging;

    expect(before).toMatchObject({ databases: [{ taskCount: 1 }], database: { taskCount: 1 } });
    expect(await api.data(LISTING)).toEqual({ databases: [], database: null });
  });

  it("computes all elapsed times at one instant", async () => {
    await using api = await openApi();
    await api.storeTask({ jobId: "a" });
    await api.updateTask({ jobId: "a", updates: [{ add: 1 }] });
    api.clock.advance(61_000);

    expect(
      await api.data(`{
        listProgress(database: "neo4j") { elapsedTime }
        task(database: "neo4j", username: "anonymous", jobId: "a") { task { elapsedMs } }
      }`),
    ).toEqual({
      listProgress: [{ elapsedTime: "1 minute 1 second" }],
      task: { task: { elapsedMs: 61_000 } },
    });
  });

  it("answers the other root fields when one is rejected", async () => {
    await using api = await openWithJobs();

    const { data, errors } = await api.ask(`{
      taskCount(database: "neo4j")
      task(database: "", username: "a", jobId: "b") { id }
    }`);

    expect(data).toEqual({ taskCount: 6, task: null });
    expect(errors).toMatchObject([{ path: ["task"], extensions: { code: "BAD_USER_INPUT" } }]);
  });
});

/** Six jobs of three users in "neo4j", one in every status, and one in "movies". */
async function openWithJobs(): Promise<Api> {
  const api = await openApi();
  await api.storeTasks([
    { username: "alice", jobId: "one" },
    { username: "alice", jobId: "two" },
    { username: "alice", jobId: "three" },
    { username: "bob", jobId: "one" },
    { username: "bob", jobId: "two" },
    { username: "carol", jobId: "one" },
    { database: "movies", username: "alice", jobId: "one" },
  ]);
  await api.updateTasks([
    { username: "alice", jobId: "two", updates: [{ status: "RUNNING" }] },
    { username: "alice", jobId: "three", updates: [{ status: "FINISHED" }] },
    { username: "bob", jobId: "one", updates: [{ status: "CANCELED" }] },
    { username: "bob", jobId: "two", updates: [{ status: "FAILED" }] },
  ]);
  return api;
}

function nameOf({ username, jobId }: ApiJob): string {
  return `${username} ${jobId}`;
}

function idOf(...names: string[]): string {
  return encoded(JSON.stringify(names));
}

function encoded(json: string): string {
  return Buffer.from(json).toString("base64url");
}

/** Several selections of the same data, which must agree. */
const READ = `{
  tasks(database: "neo4j", first: 100) { position totalCount nodes { username jobId revision task { status } } }
  again: tasks(database: "Neo4J", last: 100) { position totalCount nodes { revision } }
  w0: tasks(database: "neo4j", username: "w0") { position totalCount nodes { revision } }
  database(name: "neo4j") { position taskCount usernames }
  taskCount(database: "neo4j")
  countW0: taskCount(database: "neo4j", username: "w0")
  pending: taskCount(database: "neo4j", status: [PENDING])
  running: taskCount(database: "neo4j", status: [RUNNING])
  ended: taskCount(database: "neo4j", status: [FINISHED, FAILED, CANCELED])
  listProgress(database: "neo4j") { username jobId status }
  w1: task(database: "neo4j", username: "w1", jobId: "0") { revision }
}`;

interface List {
  readonly position: string;
  readonly totalCount: number;
  readonly nodes: readonly { username: string; jobId: string; revision: number; task: { status: string } }[];
}

interface Answer {
  readonly tasks: List;
  readonly again: List;
  readonly w0: List;
  readonly database: { position: string; taskCount: number; usernames: readonly string[] } | null;
  readonly taskCount: number;
  readonly countW0: number;
  readonly pending: number;
  readonly running: number;
  readonly ended: number;
  readonly listProgress: readonly { username: string; jobId: string; status: string }[];
  readonly w1: { revision: number } | null;
}

/** The names of the fields that contradict each other. */
function disagreements(answer: Answer): string[] {
  const { tasks, again, w0, database, listProgress } = answer;
  const { nodes } = tasks;
  const statuses = nodes.map(({ task }) => task.status);
  const count = (...wanted: string[]) => statuses.filter((status) => wanted.includes(status)).length;
  const revisions = (list: List) => list.nodes.map(({ revision }) => revision).join();
  const agreements = {
    position: database?.position === tasks.position,
    positionAgain: again.position === tasks.position && w0.position === tasks.position,
    newest: Math.max(...nodes.map(({ revision }) => revision)) <= Number(tasks.position.split(".")[1]),
    nodes: revisions(again) === revisions(tasks),
    totalCount: tasks.totalCount === nodes.length && again.totalCount === nodes.length,
    taskCount: answer.taskCount === nodes.length && database?.taskCount === nodes.length,
    w0: w0.totalCount === w0.nodes.length && answer.countW0 === w0.nodes.length,
    w0Nodes:
      revisions(w0) === revisions({ ...tasks, nodes: nodes.filter(({ username }) => username === "w0") }),
    pending: answer.pending === count("PENDING"),
    running: answer.running === count("RUNNING"),
    ended: answer.ended === count("FINISHED", "FAILED", "CANCELED"),
    usernames:
      database?.usernames.join() === [...new Set(nodes.map(({ username }) => username))].toSorted().join(),
    rows:
      listProgress.map(({ username, jobId, status }) => `${username} ${jobId} ${status}`).join() ===
      nodes.map(({ username, jobId, task }) => `${username} ${jobId} ${task.status}`).join(),
    task:
      answer.w1?.revision ===
      nodes.find(({ username, jobId }) => username === "w1" && jobId === "0")?.revision,
  };
  return Object.entries(agreements).flatMap(([name, agrees]) => (agrees ? [] : [name]));
}

/** Changes the jobs of one of many writers; the database is never empty. */
async function write(api: Api, writer: number): Promise<void> {
  const username = `w${writer}`;
  for (let round = 0; round < 8; round++) {
    const jobId = `${round % 3}`;
    await api.storeTask({ username, jobId });
    await api.updateTask({ username, jobId, updates: [{ status: "RUNNING" }] });
    await api.updateTask({ username, jobId, updates: [{ status: "FINISHED" }] });
    if (round > 2) await api.removeTask({ username, jobId: `${(round + 1) % 3}` });
  }
}

const LISTING = `{
  databases { name position taskCount usernames }
  database(name: "neo4j") { name position taskCount usernames }
}`;

interface Listing {
  readonly databases: readonly object[];
  readonly database: object | null;
}

/** Whether the database is listed but null, or not listed but not null. */
function isContradiction({ databases, database }: Listing): boolean {
  return databases.length > 0 !== (database !== null);
}

async function appearAndDisappear(api: Api): Promise<void> {
  for (let round = 0; round < 15; round++) {
    await Promise.all([api.storeTask(), api.storeTask({ jobId: "other" })]);
    await Promise.all([api.purgeDatabase(), api.updateTasks([{ updates: [{ add: 1 }] }])]);
  }
}

/** Repeats a query until the work is done, and returns all answers. */
async function answersWhile<T>(api: Api, query: string, work: Promise<unknown>): Promise<T[]> {
  const working = { isDone: false };
  const done = work.finally(() => (working.isDone = true));
  const answers: T[] = [];
  while (!working.isDone) answers.push(await api.data<T>(query));
  await done;
  return answers;
}
