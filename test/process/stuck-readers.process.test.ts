import { describe, expect, it } from "vitest";
import { MeasuredServer } from "../kit/server/measured-server.js";
import { SseStream } from "../kit/network/sse-client.js";
import { WsClient } from "../kit/network/ws-client.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import type { Watcher } from "../server/transports.js";

/** Law 10 at its size: what a subscriber costs while it does not read, whatever happens meanwhile. */

const CHANGES = IS_FULL_LENGTH ? 200_000 : 20_000;
const JOBS = 1_000;
/** Until then the process grows by itself. */
const WARM_UP = 40_000;
const DONE = (WARM_UP + CHANGES) / JOBS;
const MEGABYTE = 1_000_000;

describe(`Law 10: readers that stop reading while ${CHANGES} changes are made`, () => {
  it("cost a cursor each; all others get everything; they have every job's last state when they read", async () => {
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
    expect(live.told).toBe(1 + JOBS + 1 + WARM_UP + CHANGES);
    expect((after.rss - before.rss) / MEGABYTE).toBeLessThan(40); // a queue for each would have 66 MB after 200,000
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

/** Who watches, and what each of them holds: the work that is done, by job. */
class Watching implements Disposable {
  readonly #watchers: readonly PausableWatcher[];
  /** Events. */
  told = 0;
  /** Events of less than what was told before. */
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

  /** Until each of them holds every job with so much done. */
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
      const { taskEvents } = data as { taskEvents: Event }; // safe: so the document asks for it
      this.#receive(taskEvents, this.#done.get(watcher)!);
      if (isEnough(taskEvents)) return;
    }
  }

  #receive({ userTask }: Event, held: Map<string, number>): void {
    this.told++;
    if (!userTask) return;
    const { jobId, task } = userTask;
    if (task.progress.done < (held.get(jobId) ?? 0)) this.goneBack++;
    held.set(jobId, task.progress.done);
  }
}

/** Changes each job in turn, over and over, from so many changes to so many; `live` is to see each of them. */
async function reportTo(live: Watching, server: MeasuredServer, from: number, to: number): Promise<void> {
  for (let change = from; change < to; change += JOBS) {
    const done = change / JOBS + 1;
    await Promise.all([server.report(JOBS, { done }), live.untilAllHave(done)]);
  }
}
