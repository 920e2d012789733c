/**
 * The start of the built server with jobs on disk: the time from the spawn of its process to its ready line and to the
 * first 200 of `/ready`, the longest stall of its event loop from its first request on, and the memory of the jobs. Jobs
 * have 20 tasks and are in one database; a third has ended, a third runs, a third is pending. The file is in the system's
 * cache, as after a restart of the server alone.
 *
 *     npm run bench -- start-up
 *
 * Results (Node 20, 2 shared cores whose speed varied by a third; medians of 3 starts):
 *
 *     jobs     file MB  ready line ms  /ready ms  CPU ms  stall ms  heap MB  RSS MB  kB per job: heap  RSS
 *     0              0            929        940   1,108         5       43     100
 *     1,000         15          1,252      1,258   1,567        44       51     125              8.7   25
 *     10,000        82          1,765      1,767   2,367        32      108     219              6.6   12
 *     100,000      632          6,002      6,002   7,189       209      555     889              5.1  7.9
 *
 * Loading 100,000 jobs with short descriptions (245 MB) took 3.5 to 4.9 s on the same machine. Most of that is JSON.parse
 * and the creation of tasks; reading and checking the pages is a seventh. Creating trees lazily would be the next step.
 */
import { readFile, stat } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { openLmdbJournal } from "../src/journal/lmdb/lmdb-journal.js";
import type { TaskStore } from "../src/store/task-store.js";
import { Program, readyLine } from "../test/kit/process/child-process.js";
import {
  byThousands,
  createProvider,
  BENCH_DATABASE,
  JOURNAL_OPTIONS,
  keyOf,
  LEAF_PATHS,
  storeJobs,
  temporaryBenchFolder,
  VOLUME,
} from "./sample-jobs.js";
import { median, rounded } from "./repeat.js";

const JOBS = [0, 1_000, 10_000, 100_000];
const ROUNDS = 3;
const POLL_MS = 10;

interface Start {
  readonly readyLineMs: number;
  readonly readyMs: number;
  readonly cpuMs: number;
  readonly heldMs: number;
  readonly collectedMs: number;
  /** Memory in bytes: the peak, the size when ready, and the heap after garbage collection. */
  readonly rssMax: number;
  readonly rss: number;
  readonly heap: number;
}

const measured: { readonly jobs: number; readonly fileBytes: number; readonly starts: readonly Start[] }[] =
  [];
for (const jobs of JOBS) {
  await using folder = await temporaryBenchFolder();
  await fill(folder.path, jobs);
  const fileBytes = jobs === 0 ? 0 : await databaseBytes(folder.path);
  const starts: Start[] = [];
  for (let round = 0; round <= ROUNDS; round++) starts.push(await start(folder.path));
  measured.push({ jobs, fileBytes, starts: starts.slice(1) });
}
const empty = measured[0]!.starts;
console.table(measured.map(rowOf));

function rowOf({ jobs, fileBytes, starts }: (typeof measured)[number]): object {
  const middle = (of: (start: Start) => number): number => median(starts.map(of));
  const each = (of: (start: Start) => number): number =>
    jobs === 0 ? 0 : (middle(of) - median(empty.map(of))) / jobs / 1_000;
  return {
    jobs,
    "file MB": rounded(fileBytes / 1e6),
    "ready line ms": Math.round(middle(({ readyLineMs }) => readyLineMs)),
    "/ready ms": Math.round(middle(({ readyMs }) => readyMs)),
    "CPU ms": Math.round(middle(({ cpuMs }) => cpuMs)),
    "stall ms": rounded(middle(({ heldMs }) => heldMs)),
    "gc ms": rounded(middle(({ collectedMs }) => collectedMs)),
    "heap MB": Math.round(middle(({ heap }) => heap) / 1e6),
    "RSS MB": Math.round(middle(({ rss }) => rss) / 1e6),
    "RSS max MB": Math.round(middle(({ rssMax }) => rssMax) / 1e6),
    "heap kB per job": rounded(each(({ heap }) => heap)),
    "RSS kB per job": rounded(each(({ rss }) => rss)),
  };
}

/** Times are measured from the spawn. */
async function start(folder: string): Promise<Start> {
  const port = await freePort();
  const began = performance.now();
  await using program = Program.node([
    "--expose-gc",
    "--import",
    "./bench/start-watch.mjs",
    "dist/main.js",
    "serve",
    "--port",
    String(port),
    "--store",
    `lmdb:${folder}`,
  ]);
  const [readyLineMs, readyMs] = await Promise.all([
    readyLine(program).then(() => performance.now() - began),
    untilReady(`http://127.0.0.1:${port}/ready`).then(() => performance.now() - began),
  ]);
  const rssMax = await highestRss(program.pid!);
  program.signal("SIGUSR2");
  const line = await program.line((text) => text.startsWith(`{"watched":`));
  // Safe: as the script writes it.
  const { watched } = JSON.parse(line) as { watched: Omit<Start, "readyLineMs" | "readyMs" | "rssMax"> };
  return { ...watched, readyLineMs, readyMs, rssMax };
}

async function untilReady(url: string): Promise<void> {
  for (;;) {
    const isReady = await fetch(url).then(
      ({ ok }) => ok,
      () => false, // not listening yet
    );
    if (isReady) return;
    await setTimeout(POLL_MS);
  }
}

async function highestRss(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) * 1_024;
}

/** Assumes that no other process takes the port before the server does. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // safe: it listens on TCP
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Stores jobs of which a third has ended, a third runs and a third is pending. */
async function fill(folder: string, jobs: number): Promise<void> {
  await using journal = await openLmdbJournal(folder, JOURNAL_OPTIONS);
  await using provider = createProvider(journal);
  const store = await provider.getTaskStore(BENCH_DATABASE);
  await storeJobs(store, jobs);
  await byThousands(jobs, async (job) => {
    if (job % 3 === 0) await report(store, job, LEAF_PATHS.length);
    if (job % 3 === 1) await report(store, job, 1 + (job % (LEAF_PATHS.length - 1)));
  });
}

/** Two reports: one finishes the first `leaves` leaves, one starts the next leaf. */
async function report(store: TaskStore, job: number, leaves: number): Promise<void> {
  const key = keyOf(job);
  const nothing = { attempt: null, log: [], requestId: null };
  const done = LEAF_PATHS.slice(0, leaves).map((path) => ({
    path,
    done: VOLUME,
    status: "FINISHED" as const,
  }));
  await store.update(key, { ...nothing, updates: done });
  const next = LEAF_PATHS[leaves];
  const log = [{ level: "INFO" as const, message: `Partition ${leaves} was loaded in 1.2 s`, path: "" }];
  if (next) await store.update(key, { ...nothing, log, updates: [{ path: next, add: job }] });
}

async function databaseBytes(folder: string): Promise<number> {
  return (await stat(join(folder, `${BENCH_DATABASE}.mdb`))).size;
}
