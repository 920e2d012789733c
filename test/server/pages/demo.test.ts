import { describe, expect, it } from "vitest";
import { TICK_MS } from "../../../src/demo/demo-script.js";
import { DemoWorker } from "../../../src/demo/demo-worker.js";
import type { UserTask } from "../../../src/tasks/user-task.js";
import { progressOf } from "../../../src/tasks/progress.js";
import { silentLog } from "../../../src/util/log.js";
import { jobKey, databaseName } from "../../kit/journal/entries.js";
import { ManualClock } from "../../kit/deterministic/manual-clock.js";
import {
  graphqlResultOf,
  dataOf,
  HttpConnection,
  type HttpResponse,
  type HttpRequest,
} from "../../kit/network/raw-http.js";
import { addListeners } from "../../kit/store/recording-listener.js";
import { DEFAULT_LIMITS, limitsInForce } from "../../../src/protocol/limits.js";
import { startServer, type TestServer } from "../../kit/server/server.js";
import { Tokens } from "../../kit/server/tokens.js";
import { untilIdle } from "../../kit/deterministic/turns.js";
import { store } from "../jobs.js";

const DATABASE = databaseName("default");
const KEY = jobKey("demo", "pagerank");

const START = {
  method: "POST",
  path: "/demo",
  headers: { "content-type": "application/json" },
  body: "{}",
} satisfies HttpRequest;

describe("The demonstration job", () => {
  it("is started by POST /demo, which returns its key", async () => {
    await using server = await startServer({}, { clock: new ManualClock() });

    const { status, body } = await send(server, START);

    expect(status).toBe(201);
    expect(JSON.parse(body)).toEqual({
      database: "default",
      username: "demo",
      jobId: "pagerank",
      attempt: 1,
    });
    expect(jobOf(server).task.status).toBe("PENDING");
  });

  it.each([
    ["a reporter can", { role: "reporter", username: "demo" }, 201, 1],
    ["an admin can", { role: "admin", username: "root" }, 201, 1],
    ["a viewer cannot", { role: "viewer", username: "demo" }, 403, 0],
    ["another user cannot", { role: "reporter", username: "alice" }, 403, 0],
    ["an admin of other databases cannot", { role: "admin", username: "root", databases: ["prod"] }, 403, 0],
  ] as const)("can be started by callers who may report it: %s", async (_, grant, expected, count) => {
    const tokens = new Tokens();
    const authorization = `Bearer ${await tokens.grant(grant.username, grant)}`;
    await using server = await startServer({ auth: tokens.auth }, { clock: new ManualClock() });

    const { status } = await send(server, { ...START, headers: { ...START.headers, authorization } });

    expect(status).toBe(expected);
    expect((await server.provider.getTaskStore(DATABASE)).taskCount()).toBe(count);
  });

  it("cannot be started without a token if the server requires one", async () => {
    const tokens = new Tokens();
    await tokens.grant("demo");
    await using server = await startServer({ auth: tokens.auth }, { clock: new ManualClock() });

    expect(await send(server, START)).toMatchObject({ status: 401 });
  });

  it("has a volume that becomes known later", async () => {
    const clock = new ManualClock();
    await using server = await startServer({}, { clock });

    await send(server, START);
    await pass(clock, 8);
    const early = progressOf(jobOf(server).task);
    await pass(clock, 12);
    const later = progressOf(jobOf(server).task);

    expect([early.volume, later.volume]).toEqual([null, expect.any(Number)]);
    expect(early.knownVolume).toBeGreaterThan(0);
  });

  it("ends within 30 to 60 s, with a warning on the way", async () => {
    const clock = new ManualClock();
    await using server = await startServer({}, { clock });

    await send(server, START);
    await pass(clock, 60_000 / TICK_MS);

    const { task, log } = jobOf(server);
    expect([task.status, progressOf(task).ratio]).toEqual(["FINISHED", 1]);
    expect(task.endedAt! - task.startedAt!).toBeGreaterThan(30_000);
    expect(log.map(({ level }) => level)).toContain("WARNING");
  });

  it("reports a change at every tick", async () => {
    const clock = new ManualClock();
    await using server = await startServer({}, { clock });

    await send(server, START);
    const [listener] = addListeners(storeOf(server), 1);
    await pass(clock, 100);

    expect(listener!.calls).toHaveLength(100);
  });

  it("runs once at a time: a second start returns the running job", async () => {
    const clock = new ManualClock();
    await using server = await startServer({}, { clock });

    const answers = await Promise.all([send(server, START), send(server, START)]);
    await pass(clock, 1);
    const third = await send(server, START);

    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 201]);
    expect([third.status, JSON.parse(third.body)]).toEqual([200, expect.objectContaining({ attempt: 1 })]);
  });

  it("can be started again after it has ended, as another attempt", async () => {
    const clock = new ManualClock();
    await using server = await startServer({}, { clock });

    await send(server, START);
    await pass(clock, 60_000 / TICK_MS);
    const again = await send(server, START);

    expect([again.status, JSON.parse(again.body)]).toEqual([201, expect.objectContaining({ attempt: 2 })]);
  });

  it("ends when a cancel is requested", async () => {
    const clock = new ManualClock();
    await using server = await startServer({}, { clock });

    await send(server, START);
    await pass(clock, 10);
    await storeOf(server).requestCancel(KEY, { attempt: null, by: "alice", reason: "seen enough" });
    await pass(clock, 1);

    expect(jobOf(server).task.status).toBe("CANCELED");
  });

  it("can be started again after it was removed", async () => {
    const clock = new ManualClock();
    await using server = await startServer({}, { clock });

    await send(server, START);
    await pass(clock, 10);
    await storeOf(server).remove(KEY, { attempt: null });
    await pass(clock, 1);
    const again = await send(server, START);

    expect(again.status).toBe(201);
    expect(jobOf(server).task.status).toBe("PENDING");
  });

  it("is canceled when the server stops", async () => {
    const clock = new ManualClock();
    await using server = await startServer({}, { clock });

    await send(server, START);
    await pass(clock, 10);
    const [listener] = addListeners(storeOf(server), 1);
    await server.stop();

    const { status, message } = listener!.calls.at(-1)!.userTask.task;
    expect([status, message]).toEqual(["CANCELED", "the server stopped"]);
  });

  it("is also canceled when it is started while the server stops", async () => {
    const clock = new ManualClock();
    await using server = await startServer({}, { clock });
    const options = { leaseMs: 60_000, clock, log: silentLog };
    const demonstration = new DemoWorker(server.provider, options);

    const starting = demonstration.start();
    await demonstration.stop();

    await expect(starting).resolves.toMatchObject({ isNew: true });
    await expect(demonstration.start()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(jobOf(server).task.status).toBe("CANCELED");
  });

  it.each([
    [
      "a page of another origin",
      403,
      { ...START, headers: { ...START.headers, origin: "http://evil.test" } },
    ],
    [
      "a page of another site",
      403,
      { ...START, headers: { ...START.headers, "sec-fetch-site": "cross-site" } },
    ],
    ["a form", 415, { ...START, headers: { "content-type": "application/x-www-form-urlencoded" } }],
    ["a link", 405, { ...START, method: "GET" }],
  ])("cannot be started by %s", async (_, status, request) => {
    await using server = await startServer();

    const answer = await send(server, request);

    expect(answer.status).toBe(status);
    expect(graphqlResultOf(answer).errors).toHaveLength(1);
    expect(server.provider.openStores()).toEqual([]);
  });

  it("can be started by the page of a server behind a proxy with another host name", async () => {
    await using server = await startServer();
    const headers = { ...START.headers, origin: "https://progress.test", "sec-fetch-site": "same-origin" };

    const { status } = await send(server, { ...START, headers });

    expect(status).toBe(201);
  });

  it("is rejected like any job while the database is full, and starts once there is room", async () => {
    await using server = await startServer({ maxJobs: 1 }, { clock: new ManualClock() });
    await store(server.url, { database: "default" });

    const rejected = await send(server, START);
    await dataOf(server.url, `mutation { purgeDatabase(database: "default") { removed } }`);
    const started = await send(server, START);

    expect([rejected.status, started.status]).toEqual([400, 201]);
    expect(graphqlResultOf(rejected).errors?.[0]?.extensions).toMatchObject({ limit: "jobsPerDatabaseMax" });
  });

  it.each([{ demo: "off" }, { dashboard: "off" }, { tracking: "off" }])(
    "is unavailable with %j",
    async (flags) => {
      await using server = await startServer(flags);

      const answer = await send(server, START);
      const about = await send(server, { path: "/about" });

      expect(answer.status).toBe(404);
      expect(JSON.parse(about.body)).toMatchObject({ demo: false });
    },
  );

  it("is announced by /about, with the other information for the dashboard", async () => {
    await using server = await startServer();

    const { status, headers, body } = await send(server, { path: "/about" });

    expect([status, headers["cache-control"]]).toEqual([200, "no-store"]);
    expect(JSON.parse(body)).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      publicUrl: null,
      peerUrls: [],
      tracking: true,
      demo: true,
      graphiql: true,
      limits: { ...limitsInForce(DEFAULT_LIMITS), memoryMax: expect.any(Number) },
    });
  });
});

async function send(server: TestServer, request: HttpRequest): Promise<HttpResponse> {
  using connection = new HttpConnection(server.url);
  return await connection.request(request);
}

/** Lets the job report for a number of ticks. */
async function pass(clock: ManualClock, ticks: number): Promise<void> {
  for (let tick = 0; tick < ticks; tick++) {
    await untilIdle();
    clock.advance(TICK_MS);
  }
  await untilIdle();
}

function storeOf(server: TestServer) {
  return server.provider.peek(DATABASE)!;
}

function jobOf(server: TestServer): UserTask {
  return storeOf(server).get(KEY)!;
}
