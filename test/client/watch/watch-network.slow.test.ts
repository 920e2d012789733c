import { describe, expect, it } from "vitest";
import { watch } from "../../../src/client/index.js";
import { ManualClock } from "../../kit/deterministic/manual-clock.js";
import { ask, metricReaches, readMetric } from "../../kit/network/raw-http.js";
import { SeverableProxy } from "../../kit/network/severable-proxy.js";
import { startServer } from "../../kit/server/server.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";
import { TokenGateway } from "../../kit/network/token-gateway.js";
import { removeTask, store, update } from "../../server/jobs.js";
import {
  waitForChanges,
  watchEventsUntil,
  kindsOf,
  SDK_TRANSPORTS,
  waitUntil,
  watchBy,
  watchWithoutDelays,
} from "./test-watches.js";

describe.each(SDK_TRANSPORTS)("A watch on a failing network (%s)", (transport) => {
  it("reconnects immediately after a first disconnect, without a Reset", async () => {
    await using server = await startServer();
    await using network = await SeverableProxy.open(server.url);
    await store(server.url);
    await using watched = watchBy(new ManualClock(), { url: network.url, transport });
    await watchEventsUntil(watched, "CaughtUp");

    network.sever();

    expect(kindsOf(await watchEventsUntil(watched, "CaughtUp"))).toEqual(["CaughtUp"]);
    expect(watched.status).toEqual({ kind: "live" });
  });

  it("L8: receives exactly the changes it missed, each job once", async () => {
    await using server = await startServer();
    await using network = await SeverableProxy.open(server.url);
    const clock = new ManualClock();
    await store(server.url);
    await using watched = watchBy(clock, { url: network.url, transport });
    await watched.untilLive();
    await watchEventsUntil(watched, "CaughtUp");

    network.shut();
    await waitForChanges(watched, 2); // it was disconnected, and has retried once
    await update(server.url, { updates: [{ path: "", done: 1 }] });
    await update(server.url, { updates: [{ path: "", done: 2 }] });
    network.reopen();
    clock.advance(1_000);

    expect(kindsOf(await watchEventsUntil(watched, "CaughtUp"))).toEqual(["TaskUpdated", "CaughtUp"]);
    expect(watched.job("u", "j")).toMatchObject({ version: 3, task: { progress: { done: 2 } } });
  });

  it("shows when and why it became stale, and keeps its jobs", async () => {
    await using server = await startServer();
    await using network = await SeverableProxy.open(server.url);
    const clock = new ManualClock(1_000_000);
    await store(server.url);
    await using watched = watchBy(clock, { url: network.url, transport });
    await watched.untilLive();

    clock.advance(1_000);
    network.shut();
    await waitForChanges(watched, 2);

    expect(watched.status).toEqual({
      kind: "stale",
      since: new Date(1_000_000),
      cause: expect.any(Error) as unknown,
    });
    expect(watched.jobs.size).toBe(1);
  });

  it("detects a half-open connection by its silence, and reconnects", async () => {
    await using server = await startServer();
    await using network = await SeverableProxy.open(server.url);
    const clock = new ManualClock();
    await store(server.url);
    await using watched = watchBy(clock, { url: network.url, transport, keepAliveMs: 1_000 });
    await watchEventsUntil(watched, "CaughtUp");

    network.hold();
    await update(server.url, { updates: [{ path: "", done: 1 }] });
    clock.advance(2_000);
    const isLiveAfterTwo = watched.status.kind === "live";
    clock.advance(1_000);

    expect(isLiveAfterTwo).toBe(true);
    expect(kindsOf(await watchEventsUntil(watched, "CaughtUp"))).toEqual(["TaskUpdated", "CaughtUp"]);
  });

  it("keeps a slow connection", async () => {
    await using server = await startServer();
    await using network = await SeverableProxy.open(server.url);
    const clock = new ManualClock();
    await using watched = watchBy(clock, { url: network.url, transport, keepAliveMs: 1_000 });
    await watchEventsUntil(watched, "CaughtUp");
    const statuses = new Set<string>();
    watched.onChange(() => statuses.add(watched.status.kind));

    network.hold();
    await store(server.url);
    clock.advance(2_000);
    network.release();
    await watchEventsUntil(watched, "TaskStored");
    clock.advance(2_000);
    await store(server.url);
    await waitUntil(watched, () => watched.job("u", "j")?.attempt === 2);

    expect([...statuses]).toEqual(["live"]);
  });

  it("resumes after a restart of the server without receiving known jobs again", async () => {
    const flags = { store: `lmdb:${temporaryFolder()}` };
    const first = await startServer(flags);
    await using network = await SeverableProxy.open(first.url);
    await store(first.url);
    await using watched = watchWithoutDelays({ url: network.url, transport });
    await watchEventsUntil(watched, "CaughtUp");

    network.shut();
    await first.close();
    await using second = await startServer(flags);
    await store(second.url, { jobId: "new" });
    network.redirectTo(second.url);
    network.reopen();

    expect(kindsOf(await watchEventsUntil(watched, "CaughtUp"))).toEqual(["TaskStored", "CaughtUp"]);
    expect([...watched.jobs.values()].map(({ jobId }) => jobId)).toEqual(["new", "j"]);
  });

  it("L9: discards its jobs when the server has lost its history", async () => {
    const first = await startServer();
    await using network = await SeverableProxy.open(first.url);
    await store(first.url, { jobId: "old" });
    await using watched = watchWithoutDelays({ url: network.url, transport });
    await watchEventsUntil(watched, "CaughtUp");

    network.shut();
    await first.close();
    await using second = await startServer();
    await store(second.url, { jobId: "new" });
    network.redirectTo(second.url);
    network.reopen();

    const events = await watchEventsUntil(watched, "CaughtUp");
    expect(kindsOf(events)).toEqual(["Reset", "TaskStored", "CaughtUp"]);
    expect(events[0]).toEqual({ kind: "Reset", cause: "EPOCH_CHANGED" });
    expect([...watched.jobs.values()].map(({ jobId }) => jobId)).toEqual(["new"]);
  });

  it("becomes stale when the server stops", async () => {
    const server = await startServer();
    await using watched = watchBy(new ManualClock(), { url: server.url, transport });
    await watched.untilLive();
    const closed = server.close();
    await waitUntil(watched, () => watched.status.kind === "stale");
    watched.close();

    await expect(closed).resolves.toBeUndefined();
  });

  it("requests a new token whenever the server rejects the current one", async () => {
    await using server = await startServer();
    await using gate = await TokenGateway.open(server.url, "first");
    const tokens = ["first", "second", "third"];
    const token = async (): Promise<string> => tokens.shift()!;
    const clock = new ManualClock();
    await store(server.url);
    await using watched = watchBy(clock, { url: gate.url, transport, token });
    await watchEventsUntil(watched, "CaughtUp");

    gate.accept("second");
    const afterOne = await watchEventsUntil(watched, "CaughtUp");
    gate.accept("third");
    await waitUntil(watched, () => watched.status.kind === "stale");
    clock.advance(1_000);
    const afterTwo = await watchEventsUntil(watched, "CaughtUp");

    expect([afterOne, afterTwo].map(kindsOf)).toEqual([["CaughtUp"], ["CaughtUp"]]);
    expect(tokens).toEqual([]);
  });

  it.each([
    ["a fixed token is rejected", "stolen"],
    ["a token is rejected twice in a row", () => "stolen"],
  ])("ends when %s", async (_, token) => {
    await using server = await startServer();
    await using gate = await TokenGateway.open(server.url, "good");
    await using watched = watchBy(new ManualClock(), { url: gate.url, transport, token });

    await expect(watched.next()).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });
});

describe("A watch on a failing network", () => {
  it("starts over with the full state after an event that does not fit", async () => {
    await using server = await startServer();
    await using gate = await TokenGateway.open(server.url, "good");
    await store(server.url);
    const options = { url: gate.url, transport: "websocket", token: "good" } as const;
    await using watched = watchBy(new ManualClock(), options);
    await watchEventsUntil(watched, "CaughtUp");

    gate.alter = (message) => message.replace('"changed":[{"path":""', '"changed":[{"path":"0.7"');
    await update(server.url, { updates: [{ path: "", done: 4 }] });

    expect(kindsOf(await watchEventsUntil(watched, "CaughtUp"))).toEqual(["Reset", "TaskStored", "CaughtUp"]);
    expect(watched.job("u", "j")?.task.progress.done).toBe(4);
  });

  it("L9: is stale from a Reset until the state is complete", async () => {
    const clock = new ManualClock();
    await using server = await startServer({ removalsKeptMax: "1" }, { clock });
    for (const jobId of ["a", "b", "c"]) await store(server.url, { jobId });
    await using watched = watchBy(new ManualClock(), { url: server.url, minIntervalMs: 1_000 });
    await watched.untilLive();
    const statuses = new Set<string>();
    watched.onChange(() => statuses.add(watched.status.kind));

    for (const jobId of ["a", "b"]) await ask(server.url, removeTask({ jobId }));
    clock.advance(1_000);
    await waitUntil(watched, () => statuses.has("live"));

    expect([...statuses]).toEqual(["stale", "live"]);
    expect(watched.jobs.size).toBe(1);
  });

  it("uses server-sent events if the network blocks WebSockets", async () => {
    await using server = await startServer();
    await using network = await SeverableProxy.open(server.url, { refusesWebSockets: true });
    await using watched = watchBy(new ManualClock(), { url: network.url });
    await watched.untilLive();

    expect(await readMetric(server.url, "tidemark_event_streams")).toBe(1);
    expect(await readMetric(server.url, "tidemark_websockets")).toBe(0);
  });

  it("uses a WebSocket by default", async () => {
    await using server = await startServer();
    await using watched = watchBy(new ManualClock(), { url: server.url });
    await watched.untilLive();

    expect(await readMetric(server.url, "tidemark_websockets")).toBe(1);
  });

  it.each([1001, 1011, 4408, 4420, 4500])(
    "reconnects after a WebSocket closed with code %i",
    async (code) => {
      await using server = await startServer();
      await using gate = await TokenGateway.open(server.url, "good");
      const clock = new ManualClock();
      const options = { url: gate.url, transport: "websocket", token: "good" } as const;
      await store(server.url);
      await using watched = watchBy(clock, options);
      await watchEventsUntil(watched, "CaughtUp");

      gate.close(code);
      await waitUntil(watched, () => watched.status.kind === "stale");
      clock.advance(1_000);

      expect(kindsOf(await watchEventsUntil(watched, "CaughtUp"))).toEqual(["CaughtUp"]);
    },
  );

  it.each([1009, 4400, 4409])("ends after a WebSocket closed with code %i", async (code) => {
    await using server = await startServer();
    await using gate = await TokenGateway.open(server.url, "good");
    const options = { url: gate.url, transport: "websocket", token: "good" } as const;
    await using watched = watchBy(new ManualClock(), options);
    await watchEventsUntil(watched, "CaughtUp");

    gate.close(code);

    await expect(watched.next()).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  });

  it("ends if the address is not a Tidemark server", async () => {
    await using server = await startServer();
    await using watched = watchBy(new ManualClock(), { url: `${server.url}/elsewhere` });

    await expect(watched.next()).rejects.toThrow(/^Not a Tidemark server at .+ \(HTTP status 404\)/);
  });

  it("keeps an idle WebSocket as long as pings are answered", async () => {
    await using server = await startServer();
    await using gate = await TokenGateway.open(server.url, "good");
    const clock = new ManualClock();
    const options = { url: gate.url, transport: "websocket", token: "good", keepAliveMs: 1_000 } as const;
    await using watched = watchBy(clock, options);
    await watchEventsUntil(watched, "CaughtUp");
    const statuses = new Set<string>();
    watched.onChange(() => statuses.add(watched.status.kind));

    await gate.passes("pong", () => clock.advance(1_000));
    await gate.passes("pong", () => clock.advance(1_000));
    await gate.passes("pong", () => clock.advance(1_000));
    await gate.passes("pong", () => clock.advance(1_000));
    await store(server.url);
    await waitUntil(watched, () => watched.jobs.size === 1);

    expect([...statuses]).toEqual(["live"]);
  });

  it("closes its connection even if that is half open or still opening", async () => {
    await using server = await startServer({ keepAlive: "1h" });
    await using network = await SeverableProxy.open(server.url);
    const [held, opening] = [
      watch({ url: network.url, database: "d" }),
      watch({ url: network.url, database: "d" }),
    ];
    await held.untilLive();
    network.hold();

    held.close();
    opening.close();

    await metricReaches(server.url, "tidemark_websockets", 0);
    expect(network.socketCount).toBe(0);
  });
});
