/**
 * Random scenarios of a database and its watchers over real sockets: several writers use HTTP or the store
 * itself; several watchers pause, lose their connections and resume from anywhere. One seed determines a
 * scenario, except for its timing.
 */
import { setImmediate, setTimeout } from "node:timers/promises";
import fc from "fast-check";
import { formatPosition } from "../../../src/protocol/position.js";
import type { JobFilter } from "../../../src/store/task-store.js";
import { commandGroups, applyCommand, KEYS, type CommandGroup } from "../store/job-commands.js";
import { HttpConnection } from "../network/raw-http.js";
import { manyKeys, storeRequestOf } from "../store/requests.js";
import { seededRandom } from "../deterministic/seeded-random.js";
import { randomTurns } from "../deterministic/turns.js";
import { sendCommand } from "./commands.js";
import { WIRE_TRANSPORTS, type WireTransport } from "./connection.js";
import type { HistoryRecord, WireHistory } from "./history.js";
import type { Transcript } from "./transcript.js";
import { WireWatcher, type WatchTarget } from "./watcher.js";
import { RecordedServer } from "./recorded-server.js";

/** The result of a scenario. */
export interface ScenarioResult {
  readonly history: HistoryRecord;
  readonly transcripts: readonly Transcript[];
}

/** Runs the scenario of `seed` until every watcher has had time to receive everything. */
export async function runRandomScenario(seed: number): Promise<ScenarioResult> {
  const { bystanders, removalsKeptMax, writers, watchers } = scenarioOf(seed);
  await using world = await RecordedServer.open({ removalsKeptMax: String(removalsKeptMax) });
  await Promise.all(manyKeys(bystanders).map((key) => world.store.store(storeRequestOf(key))));
  const watching = watchers.map((life) => new ScriptedWatcher(world, life));
  await Promise.all(watching.map(({ watcher }) => watcher.connect()));
  const writing = Promise.all(writers.map((writer) => write(world, writer, seed)));
  await Promise.all([writing, ...watching.map((watcher) => watcher.play(writing))]);
  await Promise.all(watching.map((watcher) => watcher.drain(world.history)));
  return { history: world.record, transcripts: watching.map(({ watcher }) => watcher.transcript) };
}

interface RandomScenario {
  /** Jobs that exist from the start and never change: they make a snapshot long. */
  readonly bystanders: number;
  /** Few, so that tombstones are dropped. */
  readonly removalsKeptMax: number;
  readonly writers: readonly Writer[];
  readonly watchers: readonly WatcherLife[];
}

interface Writer {
  readonly isOverHttp: boolean;
  readonly groups: readonly CommandGroup[];
}

interface WatcherLife {
  readonly transport: WireTransport;
  readonly filter: JobFilter;
  readonly minIntervalMs: number;
  readonly moves: readonly Move[];
}

/** The next action of a watcher, and after how many events. */
interface Move {
  readonly afterEvents: number;
  readonly act: Act;
}

type Act =
  /** Reads nothing for this number of changes of the store. */
  | { readonly kind: "pause"; readonly changes: number }
  | { readonly kind: "comeBack"; readonly eventsAgo: number }
  | { readonly kind: "query" }
  | { readonly kind: "forget" }
  /** Resumes with a position of another history or of the future. */
  | { readonly kind: "stray"; readonly isFuture: boolean };

const writer = fc.record({ isOverHttp: fc.boolean(), groups: commandGroups(40) });

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("pause" as const), changes: fc.integer({ min: 1, max: 12 }) }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("comeBack" as const), eventsAgo: fc.nat(10) }) },
  { weight: 2, arbitrary: fc.constant({ kind: "query" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "forget" as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("stray" as const), isFuture: fc.boolean() }) },
);
const moves = fc.array(fc.record({ afterEvents: fc.nat(8), act }), { maxLength: 10, size: "max" });

const filters: readonly JobFilter[] = [{}, {}, { username: KEYS[0]!.username }, { ...KEYS[0]! }];

const watcherLife = fc.record({
  transport: fc.constantFrom(...WIRE_TRANSPORTS),
  filter: fc.constantFrom(...filters),
  minIntervalMs: fc.constantFrom(0, 0, 20, 50),
  moves,
});

const life: fc.Arbitrary<RandomScenario> = fc.record({
  bystanders: fc.constantFrom(0, 0, 0, 30),
  removalsKeptMax: fc.constantFrom(1, 2, 1_000),
  writers: fc
    .array(writer, { minLength: 1, maxLength: 2, size: "max" })
    .map((others) => [{ ...others[0]!, isOverHttp: true }, ...others]),
  watchers: fc.array(watcherLife, { minLength: 3, maxLength: 6, size: "max" }),
});

function scenarioOf(seed: number): RandomScenario {
  return fc.sample(fc.noBias(life), { numRuns: 1, seed })[0]!;
}

async function write(
  { url, store }: RecordedServer,
  { isOverHttp, groups }: Writer,
  seed: number,
): Promise<void> {
  const random = seededRandom(seed);
  using connection = new HttpConnection(url);
  for (const { commands } of groups) {
    if (isOverHttp) for (const command of commands) await sendCommand(connection, store, command);
    else await Promise.all(commands.map((command) => applyCommand(store, command)));
    await randomTurns(random);
  }
}

/** A watcher that performs its actions while others write, and then receives the rest. */
class ScriptedWatcher {
  readonly watcher: WireWatcher;
  readonly #watched: WatchTarget;
  readonly #moves: readonly Move[];
  #isWritingOver = false;

  constructor(watched: WatchTarget, { moves: given, ...watching }: WatcherLife) {
    this.watcher = new WireWatcher(watched, watching);
    this.#watched = watched;
    this.#moves = given;
  }

  async play(writing: Promise<unknown>): Promise<void> {
    const over = writing.then(() => void (this.#isWritingOver = true));
    for (const { afterEvents, act: next } of this.#moves) {
      const from = this.watcher.eventCount;
      await Promise.race([over, this.watcher.until(() => this.watcher.eventCount >= from + afterEvents)]);
      await this.#act(next);
    }
    await over;
  }

  /** Waits generously: a watcher without the last state by then has failed. */
  async drain(history: WireHistory): Promise<void> {
    const { watcher } = this;
    await untilOrTired(watcher.until(watcher.holds(history)));
    watcher.quiet();
    watcher.disconnect();
  }

  async #act(next: Act): Promise<void> {
    const { watcher } = this;
    switch (next.kind) {
      case "pause":
        watcher.pause();
        await this.#untilChanged(next.changes);
        return watcher.resume();
      case "comeBack":
        return watcher.reconnect(next.eventsAgo);
      case "query":
        return watcher.query();
      case "forget":
        return watcher.connect();
      case "stray":
        return watcher.reconnectFrom(this.#strayPosition(next.isFuture));
    }
  }

  async #untilChanged(changes: number): Promise<void> {
    const { store } = this.#watched;
    const wanted = store.position.revision + changes;
    while (store.position.revision < wanted && !this.#isWritingOver) await setImmediate();
  }

  #strayPosition(isFuture: boolean): string {
    if (!isFuture) return ELSEWHERE;
    const { epoch, revision } = this.#watched.store.position;
    return formatPosition({ epoch, revision: revision + 1_000_000 });
  }
}

const ELSEWHERE = "elsewhere_01.5";

/** Longer than any working watcher needs. */
const PATIENCE_MS = 10_000;

async function untilOrTired(reached: Promise<void>): Promise<void> {
  const patience = new AbortController();
  const tired = setTimeout(PATIENCE_MS, undefined, { signal: patience.signal });
  await Promise.race([reached, tired]).finally(() => patience.abort());
}
