/** Watching health, rate and eta, with a document that selects their fields. */
import { describe, expect, it } from "vitest";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { dataOf } from "../kit/network/raw-http.js";
import { startServer } from "../kit/server/server.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { store, update } from "./jobs.js";
import { OVER_SSE, OVER_WEBSOCKET, type Watcher } from "./transports.js";

const WATCH = `subscription {
  taskEvents(database: "d") {
    kind: __typename at
    ... on TaskUpdated { userTask { ...Job } changed { path } }
    ... on TaskStored { userTask { ...Job } }
  }
}
fragment Job on UserTask { health version revision expiresAt eta { earliest likely latest } task { status rate } }`;

const START = Date.UTC(2024, 5, 1, 12);

describe.each([OVER_WEBSOCKET, OVER_SSE])("taskEvents over $name", ({ watch }) => {
  it("delivers each change of a job's health once, with its own revision (L4, L12)", async () => {
    const clock = new ManualClock(START);
    await using server = await startServer({ lease: "10s", lostAfter: "4", retention: "1h" }, { clock });
    await store(server.url);
    await update(server.url, { updates: [{ done: 1 }] });
    using watcher = await watch(server.url, { query: WATCH });
    await take(watcher, 3); // Reset, the job, CaughtUp

    clock.advance(10_000);
    const [silent] = await take(watcher, 1);
    clock.advance(30_000);
    const [lost] = await take(watcher, 1);
    await update(server.url, {});
    const [mended] = await take(watcher, 1);

    expect([silent, lost, mended]).toMatchObject([
      { kind: "TaskUpdated", at: instant(10_000), changed: [], userTask: { health: "SILENT", revision: 3 } },
      { kind: "TaskUpdated", at: instant(40_000), changed: [], userTask: { health: "LOST", revision: 4 } },
      { kind: "TaskUpdated", at: instant(40_000), changed: [], userTask: { health: "OK", revision: 5 } },
    ]);
    expect([silent, lost, mended].map((event) => event!.userTask!.task.status)).toEqual(
      Array.from({ length: 3 }, () => "RUNNING"),
    );
    expect([silent, lost, mended].map((event) => event!.userTask!.expiresAt)).toEqual([
      null,
      instant(3_600_000),
      null,
    ]);
  });

  it("shows rate and eta as of the event's `at`, even if it is read later", async () => {
    const clock = new ManualClock(START);
    await using server = await startServer({}, { clock });
    await store(server.url, { task: { description: "work", volume: 1_000 } });
    await update(server.url, { updates: [{ status: "RUNNING" }] });
    clock.advance(10_000);
    await update(server.url, { updates: [{ done: 100 }] });
    clock.advance(20_000);
    using watcher = await watch(server.url, { query: WATCH });
    const [, stored] = await take(watcher, 3);

    expect(stored).toMatchObject({ at: instant(10_000), userTask: { eta: { likely: instant(100_000) } } });
    expect(stored!.userTask!.task.rate).toBeCloseTo(10, 6);
  });
});

describe("a query for rate and eta", () => {
  it("shows them as of its own instant: a stalled job has a lower rate and a later eta", async () => {
    const clock = new ManualClock(START);
    await using server = await startServer({}, { clock });
    await store(server.url, { task: { description: "work", volume: 1_000 } });
    await update(server.url, { updates: [{ status: "RUNNING" }] });
    expect(await outlook(server.url)).toEqual({ eta: null, task: { rate: null } });
    clock.advance(10_000);
    await update(server.url, { updates: [{ done: 100 }] });
    const steady = await outlook(server.url);
    clock.advance(50_000);
    const stalled = await outlook(server.url);

    expect(steady.task.rate).toBeCloseTo(10, 6);
    expect(stalled.task.rate).toBeLessThan(5);
    expect(Date.parse(stalled.eta!.likely)).toBeGreaterThan(Date.parse(steady.eta!.likely) + 50_000);
  });

  it("returns neither for a job that has ended", async () => {
    const clock = new ManualClock(START);
    await using server = await startServer({}, { clock });
    await store(server.url);
    await update(server.url, { updates: [{ status: "RUNNING" }] });
    clock.advance(10_000);
    await update(server.url, { updates: [{ done: 5 }, { status: "FINISHED" }] });

    expect(await outlook(server.url)).toEqual({ eta: null, task: { rate: null } });
  });

  it("returns the same values after a restart", async () => {
    const clock = new ManualClock(START);
    const folder = `lmdb:${temporaryFolder()}`;
    const before = await startServer({ store: folder }, { clock });
    await store(before.url, { task: { description: "work", volume: 1_000 } });
    await update(before.url, { updates: [{ status: "RUNNING" }] });
    clock.advance(10_000);
    await update(before.url, { updates: [{ done: 100 }] });
    const asItWas = await outlook(before.url);
    await before.close();
    await using after = await startServer({ store: folder }, { clock });

    expect(asItWas.eta).not.toBeNull();
    expect(await outlook(after.url)).toEqual(asItWas);
  });
});

interface Outlook {
  readonly eta: { readonly earliest: string; readonly likely: string; readonly latest: string } | null;
  readonly task: { readonly rate: number | null };
}

interface ShownEvent {
  readonly kind: string;
  readonly at: string;
  readonly changed?: readonly unknown[];
  readonly userTask?: Outlook & {
    readonly health: string;
    readonly expiresAt: string | null;
    readonly task: { readonly status: string };
  };
}

async function outlook(url: string): Promise<Outlook> {
  const query = `{ task(database: "d", username: "u", jobId: "j") {
    eta { earliest likely latest } task { rate }
  } }`;
  return (await dataOf<{ task: Outlook }>(url, query, {})).task;
}

async function take(watcher: Watcher, count: number): Promise<ShownEvent[]> {
  const events: ShownEvent[] = [];
  while (events.length < count) {
    const { data } = await watcher.next();
    events.push((data as { taskEvents: ShownEvent }).taskEvents); // safe: the document selects it
  }
  return events;
}

function instant(ms: number): string {
  return new Date(START + ms).toISOString();
}
