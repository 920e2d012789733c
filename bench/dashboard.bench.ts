/**
 * The frame rate and the memory of the dashboard in Chromium with 10,000 jobs and 500 changes per second. The page counts
 * its frames itself. `busy` is the share of the time in which the page's main thread works, which other load on the
 * machine does not change much.
 *
 *     npm run bench -- dashboard                 heap over ten minutes
 *     npm run bench -- dashboard --minutes 2     heap over two minutes
 *     npm run bench -- dashboard --jobs 100000   another number of jobs
 *
 * With 100,000 jobs of 5 tasks the first rows stand after 1.4 s, all after 15.6 s, with 132 MB of heap. While the list
 * waited for all jobs, it stood after 16.5 s. Most of that time is Chromium's own, for a message per job.
 */
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { chromium, type CDPSession, type Page } from "playwright-core";
import { MeasuredServer } from "../test/kit/server/measured-server.js";
import { dataOf } from "../test/kit/network/raw-http.js";
import { rounded } from "./repeat.js";

const USERS = 100;
const TASKS = 5;
const CHANGES_PER_SECOND = 500;
const REQUESTS_PER_SECOND = 10;
const SAMPLE_MS = 20_000;
/** Per request. */
const INPUTS_MAX = 1_000;

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "10" }, jobs: { type: "string", default: "10000" } },
  strict: false,
});
const minutes = Number(values.minutes);
const JOBS = Number(values.jobs);

const REPORT = `mutation ($inputs: [UpdateTaskInput!]!) { updateTasks(inputs: $inputs) { error { code } } }`;

/** The times between frames. A string, as tsx adds helpers to functions that the page does not have. */
const FRAMES = `new Promise((resolve) => {
  const frames = [];
  const start = performance.now();
  let last;
  const onFrame = (now) => {
    if (last !== undefined) frames.push(now - last);
    last = now;
    if (now - start < ${SAMPLE_MS}) requestAnimationFrame(onFrame);
    else resolve(frames);
  };
  requestAnimationFrame(onFrame);
})`;

await using server = await MeasuredServer.start();
await server.storeJobs({ database: "d", users: USERS, jobs: JOBS, tasks: TASKS });
await startAllTasks();
const browser = await chromium.launch({
  executablePath: process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium",
  args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--js-flags=--expose-gc"],
});
const page = await browser.newPage({ viewport: { width: 1_440, height: 900 } });
const debug = await page.context().newCDPSession(page);
await debug.send("Performance.enable");

const began = performance.now();
await page.goto(`${server.url}/?database=d`);
await page.getByRole("grid").waitFor();
const listedMs = performance.now() - began;
await page.getByText(/^Loading jobs/).waitFor({ state: "detached", timeout: 0 });
const loadedMs = performance.now() - began;
process.stdout.write(
  `Of ${JOBS} jobs, the first were listed after ${rounded(listedMs / 1_000)} s, all after ${rounded(loadedMs / 1_000)} s\n`,
);

const rows = [await sample("no changes")];
const writing = new AbortController();
const written = write(writing.signal);
rows.push(await sample("newest first"));
await sortBy("-progress");
rows.push(await sample("by progress"));
rows.push(await sample("by progress, scrolling", scroll));
await sortBy("-elapsed");
rows.push(await sample("by elapsed"));
console.table(rows);
await followHeap();
writing.abort();
process.stdout.write(`${rounded(await written)} changes per second\n`);
await browser.close();

interface Row {
  readonly view: string;
  readonly frames: number;
  readonly "p50 ms": number;
  readonly "p95 ms": number;
  readonly "p99 ms": number;
  readonly "over 16.7": string;
  readonly "over 33": string;
  readonly "over 50": string;
  readonly busy: string;
}

/** Measures the frames and the load of the page for a while. */
async function sample(view: string, act?: (sampled: Page) => Promise<void>): Promise<Row> {
  const before = await busySeconds(debug);
  const acting = act?.(page);
  const frames = await page.evaluate<number[]>(FRAMES);
  await acting;
  const busy = (await busySeconds(debug)) - before;
  const sorted = frames.toSorted((one, other) => one - other);
  // A frame is due every 16.7 ms, and frame times have a resolution of 0.1 ms.
  const over = (ms: number): string =>
    percent(frames.filter((frame) => frame > ms + 0.5).length, frames.length);
  return {
    view,
    frames: frames.length,
    "p50 ms": rounded(sorted[Math.floor(sorted.length * 0.5)]!),
    "p95 ms": rounded(sorted[Math.floor(sorted.length * 0.95)]!),
    "p99 ms": rounded(sorted[Math.floor(sorted.length * 0.99)]!),
    "over 16.7": over(16.7),
    "over 33": over(33.3),
    "over 50": over(50),
    busy: percent(busy * 1_000, SAMPLE_MS),
  };
}

/** The work of the page's main thread: script, style, layout and everything else. */
async function busySeconds(session: CDPSession): Promise<number> {
  const { metrics } = await session.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0;
}

async function scroll(scrolled: Page): Promise<void> {
  await scrolled.mouse.move(700, 500);
  const end = performance.now() + SAMPLE_MS;
  for (let down = true; performance.now() < end; down = !down)
    for (let step = 0; step < 40 && performance.now() < end; step++) {
      await scrolled.mouse.wheel(0, down ? 240 : -240);
      await setTimeout(16);
    }
}

async function sortBy(sort: string): Promise<void> {
  await page.goto(`${server.url}/?database=d&sort=${sort}`);
  await page.getByRole("grid").waitFor();
  await setTimeout(2_000);
}

/** Prints the heap after a garbage collection, once a minute. */
async function followHeap(): Promise<void> {
  for (let minute = 0; minute <= minutes; minute++) {
    await debug.send("HeapProfiler.collectGarbage");
    const { usedSize } = await debug.send("Runtime.getHeapUsage");
    const elements = await page.locator("*").count();
    process.stdout.write(`minute ${minute}: ${rounded(usedSize / 1e6)} MB of heap, ${elements} elements\n`);
    if (minute < minutes) await setTimeout(60_000);
  }
}

/** Starts every task, so that start times, rates and texts do not count as heap growth later. */
async function startAllTasks(): Promise<void> {
  for (const round of [1, 2])
    for (let from = 0; from < JOBS; from += INPUTS_MAX) {
      const jobs = Array.from({ length: INPUTS_MAX }, (_, at) => from + at);
      const updates = Array.from({ length: TASKS }, (_, leaf) => ({ path: String(leaf), add: round }));
      await dataOf(server.url, REPORT, { inputs: jobs.map((job) => ({ ...keyOf(job), updates })) });
    }
}

/** Reports progress of one job after the other at an even rate until stopped. Returns the changes per second. */
async function write(signal: AbortSignal): Promise<number> {
  const start = performance.now();
  const size = CHANGES_PER_SECOND / REQUESTS_PER_SECOND;
  let made = 0;
  for (; !signal.aborted; made += size) {
    const inputs = Array.from({ length: size }, (_, index) => reportOn((made + index) % JOBS));
    await dataOf(server.url, REPORT, { inputs });
    await setTimeout(Math.max(0, start + (1_000 * (made + size)) / CHANGES_PER_SECOND - performance.now()));
  }
  return (1_000 * made) / (performance.now() - start);
}

function reportOn(job: number): object {
  const leaf = Math.floor(Math.random() * TASKS) % TASKS;
  const add = 1 + Math.floor(Math.random() * 20);
  return { ...keyOf(job), updates: [{ path: String(leaf), add }] };
}

function keyOf(job: number): object {
  return { database: "d", username: `user${job % USERS}`, jobId: `job${job}` };
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}
