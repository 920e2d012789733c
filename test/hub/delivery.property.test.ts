import { setImmediate } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Hub } from "../../src/hub/hub.js";
import type { PullStream } from "../../src/hub/pull-stream.js";
import type { TaskEvent } from "../../src/hub/task-event.js";
import { formatPosition, parsePosition, type Position } from "../../src/protocol/position.js";
import type { PerDatabaseTaskStore } from "../../src/store/per-database-task-store.js";
import type { JobFilter } from "../../src/store/task-store.js";
import { BOOKMARK_MS, createCursor, type CursorReader } from "../kit/delivery/cursor-reader.js";
import { delayJournal } from "../kit/journal/delayed-journal.js";
import { expectedJobs, expectLawful, expectDrained, type ObservedStore } from "../kit/delivery/laws.js";
import {
  commandGroup,
  commandGroups,
  applyCommand,
  KEYS,
  type CommandGroup,
} from "../kit/store/job-commands.js";
import { ModelWatcher } from "../kit/delivery/model-watcher.js";
import { inRandomRounds } from "../kit/deterministic/random-rounds.js";
import { DATABASE } from "../kit/store/requests.js";
import { StoreHistory } from "../kit/store/store-history.js";
import { createStores, openStore, type OpenedStore, type Stores } from "../kit/store/task-stores.js";
import { randomTurns } from "../kit/deterministic/turns.js";

/**
 * Checks laws 6 to 10 on random histories of a database and its watchers. A watcher reads at random, loses its
 * connection at random, and resumes from any position that it received, with the copy that it held there.
 */

describe("a watcher of a database", () => {
  it("receives lawful events for all changes, read patterns and resume positions", async () => {
    await fc.assert(
      fc.asyncProperty(steps, anyWatching, async (played, { removalsKeptMax, ...watched }) => {
        await using world = await openStore({ limits: { removalsKeptMax } });
        const session = new Session(world, watched);
        await session.playAll(played);
        session.drain();
        expect(session.held).toEqual(session.expected);
      }),
      { numRuns: 300 },
    );
  });

  it("receives lawful events with concurrent writers, a slow journal and broken connections", async () => {
    await inRandomRounds(async (random) => {
      await using world = createStores({
        journal: (journal) => delayJournal(journal, random),
        limits: { removalsKeptMax: oneOf(random, 1, 2, 1_000) },
      });
      const { watchers, writing } = await startAll(world, random);
      const ending = writing.then(() => untilAllUpToDate(world, watchers)).then(() => stopAll(watchers));
      await Promise.all([ending, ...watchers.map((watcher) => watcher.run())]);
      expect(watchers.map(({ held }) => held)).toEqual(watchers.map(({ expected }) => expected));
    });
  });
});

type Step =
  | ({ readonly kind: "write" } & CommandGroup)
  | { readonly kind: "pull"; readonly count: number }
  | { readonly kind: "drain" }
  /** Resumes with the copy that it held this many events ago. */
  | { readonly kind: "resume"; readonly eventsAgo: number }
  /** Queries the state, and subscribes after its position. */
  | { readonly kind: "query" };

interface Watching {
  readonly filter: JobFilter;
  readonly isMerging: boolean;
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: commandGroup.map((group) => ({ kind: "write" as const, ...group })) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("pull" as const), count: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "drain" as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("resume" as const), eventsAgo: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "query" as const }) },
);
const steps = fc.array(step, { maxLength: 60, size: "max" });

const filters: readonly JobFilter[] = [
  {},
  {},
  { username: KEYS[0]!.username },
  { jobId: KEYS[0]!.jobId },
  { ...KEYS[0]! },
];
const anyWatching = fc.record({
  filter: fc.constantFrom(...filters),
  isMerging: fc.boolean(),
  removalsKeptMax: fc.constantFrom(1, 2, 1_000),
});

/** A watcher of one store that reads when a step says so. */
class Session {
  readonly #world: OpenedStore;
  readonly #watching: Watching;
  readonly #watched: ObservedStore;
  #watchers = [ModelWatcher.new()];
  #cursor: CursorReader;

  constructor(world: OpenedStore, watching: Watching) {
    const history = new StoreHistory();
    world.store.addListener(history);
    this.#world = world;
    this.#watching = watching;
    this.#watched = { store: world.store, history, filter: watching.filter };
    this.#cursor = this.#subscribe(undefined);
  }

  async playAll(all: readonly Step[]): Promise<void> {
    for (const next of all) await this.#play(next);
  }

  async #play(next: Step): Promise<void> {
    const { store, clock } = this.#world;
    switch (next.kind) {
      case "write":
        clock.advance(next.afterMs);
        await Promise.all(next.commands.map((command) => applyCommand(store, command)));
        return;
      case "pull":
        return this.#pull(next.count);
      case "drain":
        return this.drain();
      case "resume":
        return this.#resumeFrom(this.#watchers.at(-1 - next.eventsAgo) ?? ModelWatcher.new());
      case "query":
        return this.#resumeFrom(ModelWatcher.holding(this.#jobs(), store.position));
    }
  }

  /** Reads all events: at most one per job, a Reset and a CaughtUp. */
  drain(): void {
    this.#pull(KEYS.length + 2);
    expectDrained(this.#cursor.pull());
  }

  get held(): ModelWatcher["held"] {
    return this.#watchers.at(-1)!.held;
  }

  get expected(): ModelWatcher["held"] {
    return expectedJobs(this.#watched);
  }

  #pull(count: number): void {
    for (let left = count; left > 0; left--) {
      const event = this.#cursor.pull();
      if (!event) return;
      this.#receive(event);
    }
  }

  #receive(event: TaskEvent): void {
    const before = this.#watchers.at(-1)!;
    const after = before.receive(event);
    expectLawful(this.#watched, before, event, after);
    this.#watchers.push(after);
  }

  #resumeFrom(watcher: ModelWatcher): void {
    this.#watchers = [...this.#watchers, watcher];
    this.#cursor = this.#subscribe(watcher.position);
  }

  #subscribe(after: Position | undefined): CursorReader {
    const { store, clock } = this.#world;
    return createCursor(store, { ...this.#watching, after: overTheWire(after), clock });
  }

  #jobs(): ReturnType<StoreHistory["at"]> {
    const { history, filter } = this.#watched;
    return history.at(history.revision, filter);
  }
}

/** A watcher that subscribes through the hub and reads concurrently with others. */
class RemoteWatcher {
  readonly #hub: Hub;
  readonly #watched: ObservedStore;
  readonly #minIntervalMs: number;
  readonly #random: () => number;
  #watcher = ModelWatcher.new();
  #stream: PullStream<TaskEvent> | undefined;
  #isStopped = false;

  constructor(hub: Hub, watched: ObservedStore, minIntervalMs: number, random: () => number) {
    this.#hub = hub;
    this.#watched = watched;
    this.#minIntervalMs = minIntervalMs;
    this.#random = random;
  }

  get held(): ModelWatcher["held"] {
    return this.#watcher.held;
  }

  get expected(): ModelWatcher["held"] {
    return expectedJobs(this.#watched);
  }

  /** Reads, pauses, loses its connection and resumes, until it is stopped. @throws if a law is broken */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      this.#stream = await this.#hub.taskEvents({
        database: DATABASE,
        ...this.#watched.filter,
        after: overTheWire(this.#watcher.position),
        minIntervalMs: this.#minIntervalMs,
      });
      await this.#read(this.#stream);
    }
  }

  stop(): void {
    this.#isStopped = true;
    void this.#stream?.return();
  }

  /** Reads until the connection breaks, after about twenty events. */
  async #read(stream: PullStream<TaskEvent>): Promise<void> {
    for await (const event of stream) {
      const before = this.#watcher;
      this.#watcher = before.receive(event);
      expectLawful(this.#watched, before, event, this.#watcher);
      if (this.#random() < 0.3) await randomTurns(this.#random);
      if (this.#random() < 0.05) return;
    }
  }
}

/** Starts three sequential writers and one watcher per filter. */
async function startAll(
  { provider, clock }: Stores,
  random: () => number,
): Promise<{ watchers: RemoteWatcher[]; writing: Promise<unknown> }> {
  const hub = new Hub(provider, { clock, bookmarkMs: BOOKMARK_MS });
  const store = (await provider.getTaskStore(DATABASE)) as PerDatabaseTaskStore;
  const history = new StoreHistory();
  store.addListener(history);
  const watchers = filters.map(
    (filter, at) => new RemoteWatcher(hub, { store, history, filter }, at % 2 === 0 ? 0 : 50, random),
  );
  const seed = Math.floor(random() * 2 ** 31);
  const histories = fc.sample(commandGroups(20), { numRuns: 3, seed });
  return { watchers, writing: Promise.all(histories.map((groups) => write(store, groups, random))) };
}

async function write(
  store: PerDatabaseTaskStore,
  groups: readonly CommandGroup[],
  random: () => number,
): Promise<void> {
  for (const { commands } of groups) {
    await Promise.all(commands.map((command) => applyCommand(store, command)));
    await randomTurns(random);
  }
}

/** Advances time until all watchers are up to date, for a bounded number of turns. */
async function untilAllUpToDate({ clock }: Stores, watchers: readonly RemoteWatcher[]): Promise<void> {
  const isUpToDate = ({ held, expected }: RemoteWatcher): boolean => isDeepStrictEqual(held, expected);
  for (let turn = 0; turn < 5_000 && !watchers.every(isUpToDate); turn++) {
    clock.advance(10);
    await setImmediate();
  }
}

function stopAll(watchers: readonly RemoteWatcher[]): void {
  for (const watcher of watchers) watcher.stop();
}

function oneOf<T>(random: () => number, ...values: readonly T[]): T {
  return values[Math.floor(random() * values.length)]!;
}

/** Sends a position through its text form, as a client does. */
function overTheWire(position: Position | undefined): Position | undefined {
  return position && parsePosition(formatPosition(position));
}
