/** Realistic jobs for the benchmarks of a journal on disk: a root, three stages and 16 leaves with typical descriptions. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Journal } from "../src/journal/journal.js";
import { DEFAULT_LIMITS } from "../src/protocol/limits.js";
import { PerDatabaseTaskStoreProvider } from "../src/store/per-database-task-store-provider.js";
import type { TaskStore } from "../src/store/task-store.js";
import { parseDatabaseName, parseJobId, parseUsername, type JobKey } from "../src/tasks/names.js";
import type { TaskSpec } from "../src/tasks/task-spec.js";
import { systemClock } from "../src/util/clock.js";
import { SteadyClock } from "../src/util/steady-clock.js";
import { silentLog } from "../src/util/log.js";

export const BENCH_DATABASE = parseDatabaseName("graphs", DEFAULT_LIMITS);

export const JOURNAL_OPTIONS = { ...DEFAULT_LIMITS, newEpoch: false, log: silentLog };

const ALGORITHMS = ["PageRank", "Louvain communities", "Betweenness centrality", "Node similarity"];
const STAGES = [
  { description: "Load the graph", part: "Load relationships, partition", parts: 5 },
  { description: "Compute", part: "Iteration", parts: 6 },
  { description: "Write the results", part: "Write node properties, partition", parts: 5 },
];
const DATASETS = 300;
const USERS = 1_000;

export const LEAF_PATHS: readonly string[] = STAGES.flatMap(({ parts }, stage) =>
  Array.from({ length: parts }, (_, part) => `${stage}.${part}`),
);

/** The volume of a leaf, which no benchmark reaches one by one. */
export const VOLUME = 10_000_000;

export function keyOf(job: number): JobKey {
  return {
    username: parseUsername(`user${job % USERS}@example.org`, DEFAULT_LIMITS),
    jobId: parseJobId(`job-2026-11-${job}`, DEFAULT_LIMITS),
  };
}

/** A tree of 20 tasks. */
export function specOf(job: number): TaskSpec {
  const algorithm = ALGORITHMS[job % ALGORITHMS.length];
  const subTasks = STAGES.map(({ description, part, parts }) => ({
    description,
    subTasks: Array.from({ length: parts }, (_, at) => ({
      description: `${part} ${at + 1} of ${parts}`,
      volume: VOLUME,
    })),
  }));
  return { description: `${algorithm} of customer-orders-${job % DATASETS}`, subTasks };
}

/** A provider over `journal` whose jobs never expire and whose databases stay open. The caller closes both. */
export function createProvider(journal: Journal): PerDatabaseTaskStoreProvider {
  const forEver = { byPattern: [], otherwiseMs: Infinity };
  return new PerDatabaseTaskStoreProvider(journal, {
    clock: new SteadyClock(systemClock),
    limits: DEFAULT_LIMITS,
    log: silentLog,
    retention: { ended: forEver, failed: forEver },
    idleMs: Infinity,
    lostAfterLeases: 3,
  });
}

/** Stores the jobs 0 to `count`. */
export function storeJobs(store: TaskStore, count: number): Promise<void> {
  const request = { database: BENCH_DATABASE, memory: null, leaseMs: 60_000, requestId: null } as const;
  return byThousands(count, (job) =>
    store.store({ ...request, ...keyOf(job), spec: specOf(job), onConflict: "OVERWRITE" }),
  );
}

/** Runs `work` for 0 to `count`, 1,000 at a time. */
export async function byThousands(count: number, work: (at: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += BATCH) {
    const size = Math.min(BATCH, count - from);
    await Promise.all(Array.from({ length: size }, (_, at) => work(from + at)));
  }
}

const BATCH = 1_000;

/** An empty directory for temporary files on disk. Disposal removes it. */
export async function temporaryBenchFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "tidemark-bench-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
