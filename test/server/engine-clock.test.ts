/** Servers that store databases in one engine take the time of day from it, whatever their own clocks say. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Journal } from "../../src/journal/journal.js";
import { createMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import type { Clock } from "../../src/util/clock.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { untilIdle } from "../kit/deterministic/turns.js";
import { ManualEngine } from "../kit/journal/manual-engine.js";
import { dataOf } from "../kit/network/raw-http.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { store, update } from "./jobs.js";

const START = Date.UTC(2026, 1, 3);
const HOUR_MS = 3_600_000;

let clock: ManualClock;
let engine: ManualEngine;
let journal: Journal;

beforeEach(() => {
  clock = new ManualClock(START);
  engine = new ManualEngine(clock);
  journal = createMemoryJournal(DEFAULT_LIMITS);
});

afterEach(() => journal.close());

describe.each([
  ["an hour ahead", HOUR_MS],
  ["an hour behind", -HOUR_MS],
])("a server whose clock is %s", (_, aheadMs) => {
  it("shows the time of the engine", async () => {
    await using wrong = await start(aheadMs);
    await store(wrong.url);

    expect(await jobOf(wrong)).toMatchObject({ storedAt: new Date(START).toISOString() });
  });

  it("judges a job that was reported through another server as the other one does", async () => {
    await using right = await start();
    await using wrong = await start(aheadMs);
    await store(right.url, { leaseSeconds: 60 });
    await pass(50_000);
    await update(right.url, { updates: [{ done: 1 }] });
    await right.stop();

    await pass(59_999);
    expect(await jobOf(wrong)).toMatchObject({ health: "OK" });
    await pass(1);
    expect(await jobOf(wrong)).toMatchObject({ health: "SILENT" });
  });
});

describe("a server whose engine was away", () => {
  it("gives each job a new lease, because no worker could report", async () => {
    await using server = await start();
    await store(server.url, { leaseSeconds: 60 });
    await pass(30_000);
    engine.fallSilent();
    await pass(40_000);
    engine.answer();

    expect(await jobOf(server)).toMatchObject({ health: "OK" });
    await pass(59_999);
    expect(await jobOf(server)).toMatchObject({ health: "OK" });
    await pass(1);
    expect(await jobOf(server)).toMatchObject({ health: "SILENT" });
  });
});

/** @param aheadMs how far the time of day of the server is ahead of that of the engine */
function start(aheadMs = 0): Promise<TestServer> {
  const own: Clock = {
    now: () => clock.now() + aheadMs,
    monotonic: () => clock.monotonic(),
    schedule: (delayMs, callback) => clock.schedule(delayMs, callback),
  };
  return startServer({}, { clock: own, journal: engine.storing(journal) });
}

async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  await untilIdle();
}

async function jobOf({ url }: TestServer): Promise<unknown> {
  const query = `{ task(database: "d", username: "u", jobId: "j") { storedAt health } }`;
  return (await dataOf<{ task: unknown }>(url, query, {})).task;
}
