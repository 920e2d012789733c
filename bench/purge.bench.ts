/**
 * The space that a purge of 100,000 jobs of 5 tasks takes and returns, and how long it stalls the event loop, in a store
 * whose journal is on disk.
 *
 *     npm run bench -- purge
 *
 * Results (Node 20, 2 AMD EPYC cores, of which other work used most; three runs, and two with `rewriteBytesMin: Infinity`,
 * in turn):
 *
 *                           file in MiB                      purge          longest stall
 *                           before   at most   after         s              ms
 *     rewritten             106.4    119.2     2.7           8.9 to 19.3    53 to 523
 *     never rewritten       106.4    115.0     115.0         11.4 to 22.9   153 to 463
 *
 * The stalls are those of the store and of the other work. A rewrite of 15.4 MiB of data alone took 265 to 455 ms and stalled
 * the event loop for 8 to 10 ms, the first one 22 ms.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { openLmdbJournal } from "../src/journal/lmdb/lmdb-journal.js";
import {
  BENCH_DATABASE,
  byThousands,
  createProvider,
  JOURNAL_OPTIONS,
  keyOf,
  temporaryBenchFolder,
} from "./sample-jobs.js";

const JOBS = 100_000;
const LEAVES = Array.from({ length: 4 }, (_, at) => ({ description: `Part ${at + 1} of 4`, volume: 1_000 }));
const REQUEST = { database: BENCH_DATABASE, memory: null, leaseMs: 60_000, requestId: null } as const;
/** Until background work has ended. */
const SETTLE_MS = 1_000;

await using folder = await temporaryBenchFolder();
await using journal = await openLmdbJournal(folder.path, JOURNAL_OPTIONS);
const provider = createProvider(journal);
const store = await provider.getTaskStore(BENCH_DATABASE);
const file = join(folder.path, `${BENCH_DATABASE}.mdb`);
let most = 0;
const watch = setInterval(() => (most = Math.max(most, bytesOf(file) + bytesOf(`${file}.new`))), 5);

await measured("store", () => byThousands(JOBS, storeJob));
await measured("purge", () => store.purge());

clearInterval(watch);
await provider.close();

function storeJob(at: number): Promise<unknown> {
  const spec = { description: `job ${at}`, subTasks: LEAVES };
  return store.store({ ...REQUEST, ...keyOf(at), spec, onConflict: "OVERWRITE" });
}

async function measured(name: string, work: () => Promise<unknown>): Promise<void> {
  const before = bytesOf(file);
  most = 0;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const began = performance.now();
  await work();
  const ms = performance.now() - began;
  await setTimeout(SETTLE_MS);
  delay.disable();
  const [stall, p99] = [delay.max, delay.percentile(99)].map((ns) => (ns / 1e6).toFixed(1));
  console.log(
    `${name}: ${(ms / 1_000).toFixed(1)} s, stalls up to ${stall} ms (p99 ${p99}); file ${mebibytes(before)}, at most ${mebibytes(most)}, then ${mebibytes(bytesOf(file))} MiB`,
  );
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
