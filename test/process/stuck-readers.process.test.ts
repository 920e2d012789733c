import { describe, expect, it } from "vitest";
import { MeasuredServer } from "../kit/server/measured-server.js";
import { SseStream } from "../kit/network/sse-client.js";
import { WsClient } from "../kit/network/ws-client.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import type { Watcher } from "../server/transports.js";

/** Law 10 at full scale: the cost of subscribers that do not read. */

const CHANGES = IS_FULL_LENGTH ? 200_000 : 20_000;
const JOBS = 1_000;
/** Until this many changes the process still grows by itself. */
const WARM_UP = 40_000;
const DONE = (WARM_UP + CHANGES) / JOBS;
const MEGABYTE = 1_000_000;

describe(`Law 10: subscribers that stop reading during ${CHANGES} changes`, () => {
  it("cost one cursor each, do not affect others, and receive the last state of every job when they read again", async () => {
    await using server = await MeasuredServer.start({ slowReader: "10m", keepAlive: "10m" });
    await server.storeJobs({ database: "d", users: 1, jobs: JOBS, tasks: 2 });
    using stuck = new Watching(await stuckReaders(server.url));
    using live = new Watching([await overWebSocket(server.url)]);
    await Promise.all([stuck.untilCaughtUp(), live.untilCaughtUp()]);
    await reportTo(live, server, 0, WARM_UP);
    const before = await server.memory();

    stuck.pause();
    await reportTo(live, server, WARM_UP, WARM_UP + CHANGES);
    const after = await server.memory();
    stuck.resume();
    await stuck.untilAllHave(DONE);

    expect(live.goneBack + stuck.goneBack).toBe(0);
    expect(live.eventCount).toBe(1 + JOBS + 1 + WARM_UP + CHANGES);
    expect((after.rss - before.rss) / MEGABYTE).toBeLessThan(40); // one queue per subscriber would take 66 MB after 200,000
    expect((after.heap - before.heap) / MEGABYTE).toBeLessThan(5);
  }, 120_000);
});

const EVENTS = `subscription { taskEvents(database: "d") {
  kind: __typename
  ... on TaskStored { userTask { jobId task { progress { done } } } }
  ... on TaskUpdated { userTask { jobId task { progress { done } } } }
} }`;

interface Event {
  readonly kind: string;
  readonly userTask?: {
    readonly jobId: string;
    readonly task: { readonly progress: { readonly done: number } };
  };
}

interface PausableWatcher extends Watcher {
  pause(): void;
  resume(): void;
}

async function overWebSocket(url: string): Promise<PausableWatcher> {
  const client = await WsClient.connect(url);
  const operation = client.subscribe({ query: EVENTS });
  return {
    next: () => operation.next(),
    ended: () => operation.ended(),
    pause: () => client.socket.pause(),
    resume: () => client.socket.resume(),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

async function stuckReaders(url: string): Promise<PausableWatcher[]> {
  const readers = [1, 2].flatMap(() => [overWebSocket(url), SseStream.open(url, { query: EVENTS })]);
  return Promise.all(readers);
}

/** The watchers, and the work done per job that each has received. */
class Watching implements Disposable {
  readonly #watchers: readonly PausableWatcher[];
  eventCount = 0;
  /** Events with less work done than an earlier one. */
  goneBack = 0;
  readonly #done = new Map<PausableWatcher, Map<string, number>>();

  constructor(watchers: readonly PausableWatcher[]) {
    this.#watchers = watchers;
    for (const watcher of watchers) this.#done.set(watcher, new Map());
  }

  async untilCaughtUp(): Promise<void> {
    await Promise.all(
      this.#watchers.map((watcher) => this.#readUntil(watcher, ({ kind }) => kind === "CaughtUp")),
    );
  }

  /** Resolves when each watcher has `done` units for every job. */
  async untilAllHave(done: number): Promise<void> {
    await Promise.all(
      this.#watchers.map((watcher) => {
        const held = this.#done.get(watcher)!;
        const open = new Set([...held.keys()].filter((jobId) => held.get(jobId) !== done));
        return this.#readUntil(watcher, ({ userTask }) => {
          if (userTask?.task.progress.done === done) open.delete(userTask.jobId);
          return open.size === 0;
        });
      }),
    );
  }

  pause(): void {
    for (const watcher of this.#watchers) watcher.pause();
  }

  resume(): void {
    for (const watcher of this.#watchers) watcher.resume();
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers) watcher[Symbol.dispose]();
  }

  async #readUntil(watcher: PausableWatcher, isEnough: (event: Event) => boolean): Promise<void> {
    for (;;) {
      const { data } = await watcher.next();
      const { taskEvents } = data as { taskEvents: Event }; // safe: the subscription selects it
      this.#receive(taskEvents, this.#done.get(watcher)!);
      if (isEnough(taskEvents)) return;
    }
  }

  #receive({ userTask }: Event, held: Map<string, number>): void {
    this.eventCount++;
    if (!userTask) return;
    const { jobId, task } = userTask;
    if (task.progress.done < (held.get(jobId) ?? 0)) this.goneBack++;
    held.set(jobId, task.progress.done);
  }
}

/** Changes each job in turn, from change number to change number; `live` must receive every one. */
async function reportTo(live: Watching, server: MeasuredServer, from: number, to: number): Promise<void> {
  for (let change = from; change < to; change += JOBS) {
    const done = change / JOBS + 1;
    await Promise.all([server.report(JOBS, { done }), live.untilAllHave(done)]);
  }
}
