import { setImmediate } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { TidemarkError } from "../../src/protocol/tidemark-error.js";
import type { PerDatabaseTaskStore } from "../../src/store/per-database-task-store.js";
import type { JobFilter } from "../../src/store/task-store.js";
import { MovingWatcher, type WatchedNode } from "../kit/delivery/moving-watcher.js";
import { seededRandom } from "../kit/deterministic/seeded-random.js";
import { randomTurns } from "../kit/deterministic/turns.js";
import { delayJournal } from "../kit/journal/delayed-journal.js";
import { ForkingJournal } from "../kit/journal/forking-journal.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { comparableState } from "../kit/store/comparable-state.js";
import { applyCommand, commandGroups, KEYS, type CommandGroup } from "../kit/store/job-commands.js";
import { createNodes, type Node, type Nodes } from "../kit/store/nodes.js";
import { RecordingListener, revisionOf, type RecordedCall } from "../kit/store/recording-listener.js";
import { keyText, type StoreHistory } from "../kit/store/store-history.js";
import { exactTree } from "../kit/store/tree-parts.js";

/**
 * Checks laws 4 and 6 to 12 on random lives of a database that three servers serve. Each life has a writer on each server
 * and watchers that move between them. The journal answers after random delays, calls of it fail, and it forgets entries. The
 * lease of the database moves, and failovers begin generations without a loss. `npm run test:laws` does the same for a longer time.
 */

const { LAWS_SECONDS, LAWS_SEED } = process.env;
/** Of about 50 steps each. */
const LIVES = IS_FULL_LENGTH ? 200 : 8;
const LIFE_MS_MAX = 60_000;
const LIMIT_MS = LAWS_SECONDS === undefined ? undefined : Number(LAWS_SECONDS) * 1_000;

const TIMEOUT_MS = (LIMIT_MS ?? LIFE_MS_MAX) + LIFE_MS_MAX;
const RUNS =
  LIMIT_MS === undefined
    ? { numRuns: LIVES }
    : { numRuns: 1_000_000, interruptAfterTimeLimit: LIMIT_MS, markInterruptAsFailure: false };

const seeds = LAWS_SEED === undefined ? fc.noBias(fc.nat()) : fc.constant(Number(LAWS_SEED));

describe("watchers that move between three servers", () => {
  it(
    "receive lawful events in random lives, and no Reset because they moved",
    async () => {
      expect(await liveOften()).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});

const FILTERS: readonly JobFilter[] = [
  {},
  {},
  { username: KEYS[0]!.username },
  { jobId: KEYS[0]!.jobId },
  { ...KEYS[0]! },
];

/** Returns the number of lives. @throws if one of them breaks a law */
async function liveOften(): Promise<number> {
  let count = 0;
  let latest: Promise<void> = Promise.resolve();
  const property = fc.asyncProperty(fc.noShrink(seeds), (seed) => {
    count++;
    return (latest = live(seededRandom(seed)));
  });
  await fc.assert(property, RUNS);
  await latest; // waits for the life that the time limit interrupted
  return count;
}

/** @throws if a law is broken */
async function live(random: () => number): Promise<void> {
  const removalsKeptMax = [1, 2, 1_000][Math.floor(random() * 3)]!;
  const limits = { ...DEFAULT_LIMITS, removalsKeptMax, logLinesPerJobMax: 3 };
  const service = new ForkingJournal(limits);
  await using nodes = createNodes({
    limits,
    service,
    journal: (journal) => delayJournal(journal, random),
  });
  const watched = await Promise.all(nodes.all.map((node) => recordedNode(node, nodes.history)));
  const watchers = FILTERS.map(
    (filter, at) => new MovingWatcher(watched, filter, at % 2 === 0 ? 0 : 50, random),
  );
  const seed = Math.floor(random() * 2 ** 31);
  const histories = fc.sample(commandGroups(40), { numRuns: 3, seed });
  const writing = Promise.all(histories.map((groups) => write(nodes, service, groups, random)));
  const ending = writing
    .then(() => untilAllUpToDate(nodes, watched, watchers))
    .finally(() => watchers.forEach((watcher) => watcher.stop()));
  await Promise.all([ending, ...watchers.map((watcher) => watcher.run())]);

  expect(watchers.map(({ held }) => held)).toEqual(watchers.map(({ expected }) => expected));
  for (const { store, listener, loads } of watched) {
    const { revisions } = listener;
    const ascending = [...new Set(revisions)].toSorted((a, b) => a - b);
    expect(revisions).toEqual(loads() > 0 ? ascending : numbersTo(store.position.revision));
    expect(listener.calls.map(resultOf)).toEqual(listener.calls.map((call) => recordedResultOf(call, nodes)));
  }
  const [first, ...others] = watched.filter(({ loads }) => loads() === 0).map(treesOf);
  expect(others).toEqual(others.map(() => first));
}

interface RecordedNode extends WatchedNode {
  readonly listener: RecordingListener;
  /** How often the store has loaded its jobs again. */
  loads(): number;
}

async function recordedNode(node: Node, all: StoreHistory): Promise<RecordedNode> {
  const store = await node.store();
  const listener = new RecordingListener();
  let loads = 0;
  store.addListener(listener);
  store.addListener({
    onTaskAdded() {},
    onTaskUpdated() {},
    onTaskRemoved() {},
    onHistoryReplaced: () => void loads++,
  });
  const history = {
    get revision() {
      return store.position.revision;
    },
    at: (revision: number, filter: JobFilter) => all.at(revision, filter),
    unchangedSince: (revision: number, filter: JobFilter) =>
      all.unchangedSince(revision, filter, store.position.revision),
  };
  return { hub: node.hub, store, history, listener, loads: () => loads };
}

/** Sends each group to any of the servers, in turn. */
async function write(
  nodes: Nodes,
  service: ForkingJournal,
  groups: readonly CommandGroup[],
  random: () => number,
): Promise<void> {
  for (const { commands, afterMs } of groups) {
    const node = nodes.all[Math.floor(random() * nodes.all.length)]!;
    if (random() < 0.1) failNextCall(node, random);
    if (random() < 0.05) nodes.leaseHolder = Math.floor(random() * nodes.all.length);
    if (random() < 0.05) await setImmediate().then(() => service.failOver()); // between two appends
    if (random() < 0.2) nodes.clock.advance(afterMs);
    const store = await node.store();
    await Promise.all(commands.map((command) => applyIfAvailable(store, command)));
    await randomTurns(random);
  }
}

function failNextCall({ faults }: Node, random: () => number): void {
  const fault = Math.floor(random() * 4);
  if (fault === 0) faults.failNextRead();
  else if (fault === 3) faults.forgetNextEntries();
  else faults.failNextAppend(fault === 1 ? "before writing" : "after writing");
}

async function applyIfAvailable(
  store: PerDatabaseTaskStore,
  command: CommandGroup["commands"][number],
): Promise<void> {
  try {
    await applyCommand(store, command);
  } catch (error) {
    if (!(error instanceof TidemarkError) || error.code !== "UNAVAILABLE") throw error;
  }
}

/**
 * Advances time until all servers have the same changes and all watchers have them, for a bounded number of turns. It must
 * stay so for a while, because a health check may be in progress. Nobody begins another: the lease is free.
 */
async function untilAllUpToDate(
  nodes: Nodes,
  watched: readonly WatchedNode[],
  watchers: readonly MovingWatcher[],
): Promise<void> {
  nodes.leaseHolder = -1;
  const isUpToDate = ({ held, expected }: MovingWatcher): boolean => isDeepStrictEqual(held, expected);
  const isInSync = (): boolean =>
    new Set(watched.map(({ store }) => store.position.revision)).size === 1 && watchers.every(isUpToDate);
  for (let [turn, turnsInSync] = [0, 0]; turn < 5_000 && turnsInSync < 60; turn++) {
    nodes.clock.advance(10);
    await setImmediate();
    turnsInSync = isInSync() ? turnsInSync + 1 : 0;
  }
}

/** The job that a listener was told of; undefined if it was removed. */
function resultOf(call: RecordedCall): object | undefined {
  return call.kind === "removed" ? undefined : comparableState(call.userTask);
}

/** The same as it is in the journal. */
function recordedResultOf(call: RecordedCall, { history }: Nodes): object | undefined {
  return comparableState(history.at(revisionOf(call), {}).get(keyText(call.userTask)));
}

function treesOf({ store }: RecordedNode): unknown[] {
  return store.query().map(({ task }) => exactTree(task));
}

function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}
