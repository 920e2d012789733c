/**
 * The estimated sizes of jobs, compared with the heap of this process: stored and reported, and loaded again from disk.
 * Each shape takes several megabytes. Other tests of this process may release memory meanwhile, so a shape is measured up to
 * three times.
 */
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { openLmdbJournal } from "../../src/journal/lmdb/lmdb-journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { PerDatabaseTaskStoreProvider } from "../../src/store/per-database-task-store-provider.js";
import type { Report } from "../../src/tasks/job-changes.js";
import type { TaskSpec } from "../../src/tasks/task-spec.js";
import { systemClock } from "../../src/util/clock.js";
import { SteadyClock } from "../../src/util/steady-clock.js";
import { silentLog } from "../../src/util/log.js";
import { jobKey } from "../kit/journal/entries.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { branch, iterative, leaf } from "../kit/store/edits.js";
import { DATABASE, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { retentionOf } from "../kit/store/task-stores.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";

interface Shape {
  readonly jobs: number;
  readonly spec: TaskSpec;
  readonly reports?: readonly Report[];
}

const SHAPES: Readonly<Record<string, Shape>> = {
  "wide trees": { jobs: 10, spec: branch("root", ...leaves(4_000)) },
  "wide trees, reported": {
    jobs: 10,
    spec: branch("root", ...leaves(2_000)),
    reports: Array.from({ length: 2_000 }, (_, at) => reportOf({ path: `${at}`, done: 5 })),
  },
  "wide trees, ended": {
    jobs: 10,
    spec: branch("root", ...leaves(4_000)),
    reports: [reportOf({ status: "FAILED", message: "out of memory" })],
  },
  "deep trees": { jobs: 300, spec: chain(30) },
  "long texts": {
    jobs: 30,
    spec: branch("root", ...leaves(100, "d".repeat(240))),
    reports: Array.from({ length: 100 }, (_, at) => reportOf({ path: `${at}`, message: "m".repeat(1_000) })),
  },
  "texts beyond Latin-1": { jobs: 100, spec: branch("root", ...leaves(100, "進".repeat(80))) },
  "many small jobs": { jobs: 10_000, spec: leaf("work", 10) },
  "log lines": {
    jobs: 200,
    spec: leaf("work", 10),
    reports: Array.from({ length: 150 }, (_, at) => ({
      ...reportOf(),
      log: [logLine(at)],
      requestId: `r${at}`,
    })),
  },
  "iterations, each reported": {
    jobs: 20,
    spec: branch("root", iterative("rounds", "FIXED", 100, ...leaves(10))),
    reports: Array.from({ length: 100 }, (_, at) => reportOf({ path: "0", iteration: at + 1 })),
  },
  "templates of iterations": {
    jobs: 1_000,
    spec: branch("root", iterative("rounds", "OPEN", null, ...leaves(20))),
  },
};

describe.skipIf(!IS_FULL_LENGTH)("the estimated size of jobs", { timeout: 60_000, retry: 2 }, () => {
  it.each(Object.keys(SHAPES))("is within 25 %% of the heap for %s", async (name) => {
    const shape = SHAPES[name]!;
    const folder = temporaryFolder();

    const stored = await measure(folder, (provider) => storeAll(provider, shape));
    const loaded = await measure(folder, (provider) => provider.find(DATABASE));

    expect(loaded.estimated).toBe(stored.estimated);
    expect(Math.abs(1 - stored.estimated / stored.real)).toBeLessThan(0.25);
    expect(Math.abs(1 - loaded.estimated / loaded.real)).toBeLessThan(0.25);
  });
});

async function measure(
  folder: string,
  use: (provider: PerDatabaseTaskStoreProvider) => Promise<unknown>,
): Promise<{ real: number; estimated: number }> {
  // The journal has no log and compacts at once: what it keeps of changes that wait is bounded otherwise.
  const journalOptions = { newEpoch: false, log: silentLog, pendingCompactionMax: 1, logBytesMax: 0 };
  const options = { ...DEFAULT_LIMITS, ...journalOptions };
  await using journal = await openLmdbJournal(folder, options);
  await using provider = new PerDatabaseTaskStoreProvider(journal, {
    clock: new SteadyClock(systemClock),
    log: silentLog,
    limits: DEFAULT_LIMITS,
    retention: retentionOf(Infinity),
    idleMs: Infinity,
    lostAfterLeases: 3,
  });
  const before = await heapUsed();
  await use(provider);
  return { real: (await heapUsed()) - before, estimated: provider.memory.bytes };
}

async function storeAll(
  provider: PerDatabaseTaskStoreProvider,
  { jobs, spec, reports = [] }: Shape,
): Promise<void> {
  const store = await provider.getTaskStore(DATABASE);
  const keys = Array.from({ length: jobs }, (_, job) => jobKey(`user${job % 50}`, `job-2026-11-${job}`));
  for (let first = 0; first < jobs; first += TOGETHER) {
    const requests = keys
      .slice(first, first + TOGETHER)
      .map((key, at) => storeRequestOf(key, { spec: received(named(spec, first + at)) }));
    await Promise.all(requests.map((request) => store.store(request)));
  }
  // One job at a time, so that the journal compacts all of them but the last.
  for (const key of keys) await store.updateAll(received(reports).map((report) => ({ key, report })));
}

const TOGETHER = 500;

/** The same tree with other descriptions, because V8 keeps equal ones once. */
function named(spec: TaskSpec, job: number): TaskSpec {
  const tasks = spec.iterations?.tasks.map((task) => named(task, job));
  return {
    ...spec,
    description: `${spec.description} ${job.toString(36)}`,
    subTasks: spec.subTasks?.map((task) => named(task, job)),
    ...(tasks && { iterations: { ...spec.iterations!, tasks } }),
  };
}

/** A copy as the server receives it. */
function received<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

async function heapUsed(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  for (let round = 0; round < 3; round++) {
    await setImmediate();
    collectGarbage();
  }
  return process.memoryUsage().heapUsed;
}

function leaves(count: number, description = "leaf"): TaskSpec[] {
  return Array.from({ length: count }, (_, at) => leaf(`${description} ${at}`, 1_000));
}

function chain(levels: number): TaskSpec {
  return Array.from({ length: levels - 1 }).reduce<TaskSpec>(
    (below, _, at) => branch(`level ${at}`, below, ...leaves(2)),
    leaf("bottom", 5),
  );
}

function logLine(at: number): Report["log"][number] {
  return { level: "INFO", path: "", message: `line ${at} ${"x".repeat(60)}` };
}
