/**
 * Durable updates per second and their cost, through a store with a journal on disk (`lmdb`). They are compared with the
 * same store with a journal in memory, and with a plain file to which the same bytes are appended and synced (`plain`). 1,
 * 100 or 1,000 clients send one update at a time, or one client sends batches of 100, like `updateTasks`. The updates
 * concern 10 jobs, or 20,000 in turn, for which the journal compacts a job about once per update.
 *
 *     npm run bench -- durable-updates
 *
 * Results (Node 20, 2 AMD EPYC cores, of which other work used up to half; ext4 on a virtual disk; medians of 5
 * interleaved rounds; CPU time of all threads; an update is an entry of 520 bytes):
 *
 *     10 jobs           updates per second         lmdb to          CPU µs per update     p50, p99 ms
 *                       plain    lmdb  memory   plain  memory    plain   lmdb  memory     lmdb
 *     1 in flight       2,383   1,314  46,975    0.55   0.028      243    499      24      0.7,   2.5
 *     100 in flight   175,344  20,804  48,272    0.14    0.47        3     45      24      4.6,   8.2
 *     1,000 in flight 548,301  26,537  40,222    0.05    0.66        1     40      29       38,    54
 *     batches of 100  162,863  20,790  48,715    0.13    0.40        4     44      24      4.6,   8.3
 *
 *     20,000 jobs
 *     1 in flight       2,517     743  27,992    0.31   0.028      227    903      41      1.2,   5.9
 *     100 in flight   145,129   6,426  27,363    0.04    0.24        4    140      43       14,    25
 *     1,000 in flight 267,845   8,018  26,585    0.03    0.32        3    129      44      132,   147
 *     batches of 100  120,153   5,953  31,108    0.05    0.19        6    151      37       15,    29
 *
 * The journal then wrote each update to LMDB. With the write-ahead log: two runs of 3,000 updates of 10 jobs, without and
 * with the log, by the counters of the block layer (/sys/block/vda/stat):
 *
 *                       bytes per update    updates per second      p50 ms
 *     1 in flight       35,204    5,793        776     3,433     0.43  0.21
 *     32 in flight       1,618    1,460     32,753    29,636     0.70  0.59
 *     100 in flight        998    1,184     44,185    67,868     1.46  1.16
 *
 * With 20,000 jobs: 68,597 and 11,407 bytes with 1 in flight.
 *
 * With many updates in flight the CPU is the bottleneck, not the disk. With many jobs most of it is compaction: 70 to
 * 115 µs each to read a record of 20 tasks, write it again, and collect the garbage.
 */
import { join } from "node:path";
import type { Journal } from "../src/journal/journal.js";
import { openLmdbJournal } from "../src/journal/lmdb/lmdb-journal.js";
import { entryKey, encodeEntry } from "../src/journal/lmdb/records.js";
import { createMemoryJournal } from "../src/journal/memory/memory-journal.js";
import { recordsAfter } from "../test/kit/journal/entries.js";
import {
  byThousands,
  createProvider,
  BENCH_DATABASE,
  JOURNAL_OPTIONS,
  keyOf,
  LEAF_PATHS,
  storeJobs,
  temporaryBenchFolder,
} from "./sample-jobs.js";
import { median, rounded } from "./repeat.js";
import { RawLogFile } from "./raw-log-file.js";

const ROUNDS = 5;
const RUN_MS = 1_000;

const SHAPES = [
  { shape: "hot jobs", jobs: 10 },
  { shape: "many jobs", jobs: 20_000 },
];

/** How updates are sent: by `inFlight` concurrent clients, or in batches of `inFlight`, one batch at a time. */
const WAYS = [
  { way: "1 in flight", inFlight: 1, isBatch: false },
  { way: "100 in flight", inFlight: 100, isBatch: false },
  { way: "1,000 in flight", inFlight: 1_000, isBatch: false },
  { way: "batches of 100", inFlight: 100, isBatch: true },
];

type Way = (typeof WAYS)[number];

interface Target extends AsyncDisposable {
  /** Applies the next update. */
  update(): Promise<unknown>;
}

type Targets = Record<"plain" | "lmdb" | "memory", Target>;
type TargetName = keyof Targets;
const TARGETS: readonly TargetName[] = ["plain", "lmdb", "memory"];

interface Run {
  readonly opsPerSecond: number;
  readonly cpuMicros: number;
  readonly p50: number;
  readonly p99: number;
}

for (const { shape, jobs } of SHAPES) {
  await using folder = await temporaryBenchFolder();
  await using lmdb = await storeTarget(await openLmdbJournal(folder.path, JOURNAL_OPTIONS), jobs);
  await using memory = await storeTarget(createMemoryJournal(JOURNAL_OPTIONS), jobs);
  await using plain = await plainTarget(join(folder.path, "plain"), memory.entryBytes);
  console.log(`\n${shape}: ${jobs} of 20 tasks; an update is an entry of ${memory.entryBytes} bytes`);
  await measureAll({ plain, lmdb, memory });
}

/** Interleaves the ways and targets in rounds, so that other load on the machine affects all alike. */
async function measureAll(targets: Targets): Promise<void> {
  const rounds: Record<TargetName, Run>[][] = WAYS.map(() => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [at, way] of WAYS.entries()) {
      const runs = { plain: await run(targets.plain, way), lmdb: await run(targets.lmdb, way) };
      const all = { ...runs, memory: await run(targets.memory, way) };
      if (round > 0) rounds[at]!.push(all);
    }
  }
  console.table(WAYS.map(({ way }, at) => rowOf(way, rounds[at]!)));
  console.table(WAYS.flatMap(({ way }, at) => TARGETS.map((target) => timesOf(way, target, rounds[at]!))));
}

function rowOf(way: string, rounds: readonly Record<TargetName, Run>[]): object {
  const middle = (of: (round: Record<TargetName, Run>) => number): number => median(rounds.map(of));
  return {
    way,
    "plain/s": Math.round(middle(({ plain }) => plain.opsPerSecond)),
    "lmdb/s": Math.round(middle(({ lmdb }) => lmdb.opsPerSecond)),
    "memory/s": Math.round(middle(({ memory }) => memory.opsPerSecond)),
    "lmdb:plain": rounded(
      middle(({ lmdb, plain }) => lmdb.opsPerSecond / plain.opsPerSecond),
      2,
    ),
    "lmdb:memory": rounded(
      middle(({ lmdb, memory }) => lmdb.opsPerSecond / memory.opsPerSecond),
      3,
    ),
  };
}

function timesOf(way: string, target: TargetName, rounds: readonly Record<TargetName, Run>[]): object {
  const middle = (of: (run: Run) => number): number => median(rounds.map((round) => of(round[target])));
  return {
    way,
    target,
    "CPU µs": rounded(middle(({ cpuMicros }) => cpuMicros)),
    "p50 ms": rounded(
      middle(({ p50 }) => p50),
      3,
    ),
    "p99 ms": rounded(
      middle(({ p99 }) => p99),
      3,
    ),
  };
}

async function run(target: Target, way: Way): Promise<Run> {
  const times: number[] = [];
  const cpu = process.cpuUsage();
  const began = performance.now();
  const ops = await (way.isBatch ? inBatches : inFlight)(target, way.inFlight, began + RUN_MS, times);
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const sorted = times.toSorted((a, b) => a - b);
  return {
    opsPerSecond: ops / seconds,
    cpuMicros: (user + system) / ops,
    p50: sorted[Math.floor(sorted.length / 2)]!,
    p99: sorted[Math.floor(sorted.length * 0.99)]!,
  };
}

/** Returns the number of updates. */
async function inFlight(target: Target, count: number, end: number, times: number[]): Promise<number> {
  const work = async (): Promise<void> => {
    for (let began = performance.now(); began < end; began = performance.now()) {
      await target.update();
      times.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: count }, work));
  return times.length;
}

/** One batch at a time. Returns the number of updates. */
async function inBatches(target: Target, count: number, end: number, times: number[]): Promise<number> {
  for (let began = performance.now(); began < end; began = performance.now()) {
    await Promise.all(Array.from({ length: count }, () => target.update()));
    times.push(performance.now() - began);
  }
  return times.length * count;
}

/** A store with `jobs` jobs over `journal`, which it closes. An update adds 1 to a leaf of the next job. */
async function storeTarget(
  journal: Journal,
  jobs: number,
): Promise<Target & { readonly entryBytes: number }> {
  const provider = createProvider(journal);
  const store = await provider.getTaskStore(BENCH_DATABASE);
  await storeJobs(store, jobs);
  let next = 0;
  const update = (): Promise<unknown> => {
    const at = next++;
    const path = LEAF_PATHS[Math.floor(at / jobs) % LEAF_PATHS.length]!;
    const updates = [{ path, add: 1 }];
    return store.update(keyOf(at % jobs), { attempt: null, updates, log: [], requestId: null });
  };
  await byThousands(jobs, update); // starts each job
  await update();
  return {
    update,
    entryBytes: await latestEntryBytes(journal),
    async [Symbol.asyncDispose]() {
      await provider.close();
      await journal.close();
    },
  };
}

/** The size of the newest entry on disk. */
async function latestEntryBytes(journal: Journal): Promise<number> {
  const handle = await journal.open(BENCH_DATABASE); // closed with the journal
  const { revision: head } = await handle.head();
  for await (const { revision, entry } of recordsAfter(handle, head - 1, new AbortController().signal)) {
    const key = entryKey(revision);
    return key.length + encodeEntry(key, entry).bytes.length;
  }
  throw new Error("The journal has no entry.");
}

async function plainTarget(path: string, bytes: number): Promise<Target> {
  const file = await RawLogFile.open(path);
  const update = Buffer.alloc(bytes, "x");
  return { update: () => file.append(update), [Symbol.asyncDispose]: () => file[Symbol.asyncDispose]() };
}
