/**
 * PageRank of the packages in package-lock.json, reported as a job: `npm run --silent example:pagerank`.
 *
 *     PageRank
 *     |-- load          volume: packages, known once the lock is parsed
 *     |-- iterate       at most 50 iterations; ends when no score changes any more
 *     |   |-- iteration volume: links followed, known once all packages are loaded
 *     |-- write         volume: rows
 *
 * The table goes to stdout, everything else to stderr.
 */
import { readFile } from "node:fs/promises";
import { readCommandLine } from "./options.js";
import { type Graph, countEdges, parseLock, resolveDependencies } from "./pagerank/graph.js";
import { type Scores, largestChange, pageRankStep, topScores, uniformScores } from "./pagerank/page-rank.js";
import type { Reporter, TaskInput } from "./reporter.js";
import { type Pause, runJob } from "./run-job.js";

const LOCK_FILE = new URL("../package-lock.json", import.meta.url);
const PACKAGES_A_STEP = 50;
const ITERATIONS_MAX = 50;
const CHANGE_MIN = 1e-6;
const ROW_COUNT = 20;

const LOAD = "0";
const ITERATE = "1";
const WRITE = "2";

const TASK: TaskInput = {
  description: "PageRank",
  subTasks: [
    { description: "load" },
    {
      description: "iterate",
      iterations: { mode: "DYNAMIC", max: ITERATIONS_MAX, tasks: [{ description: "iteration" }] },
    },
    { description: "write", volume: ROW_COUNT },
  ],
};

await runJob(readCommandLine("pagerank").options, TASK, async (reporter, pause) => {
  const graph = await load(reporter, pause);
  await write(reporter, await iterate(reporter, pause, graph));
});

async function load(reporter: Reporter, pause: Pause): Promise<Graph> {
  await reporter.updateTask({ path: LOAD, status: "RUNNING" });
  const lock = parseLock(JSON.parse(await readFile(LOCK_FILE, "utf8")));
  await reporter.updateTask({ path: LOAD, volume: lock.size });
  const graph = new Map<string, readonly string[]>();
  for (const path of lock.keys()) {
    graph.set(path, resolveDependencies(lock, path));
    await reporter.updateTask({ path: LOAD, done: graph.size });
    if (graph.size % PACKAGES_A_STEP === 0) await pause();
  }
  await reporter.updateTask({ path: LOAD, status: "FINISHED" });
  return graph;
}

async function iterate(reporter: Reporter, pause: Pause, graph: Graph): Promise<Scores> {
  await reportEdgeCount(reporter, countEdges(graph));
  let scores = uniformScores(graph);
  let change = Infinity;
  for (let iteration = 1; iteration <= ITERATIONS_MAX && change >= CHANGE_MIN; iteration += 1) {
    await reporter.updateTask({ path: ITERATE, iteration });
    await reporter.updateTask({ path: iterationPath(iteration), status: "RUNNING" });
    const before = scores;
    scores = pageRankStep(graph, before);
    change = largestChange(before, scores);
    await pause();
    const message = `largest change ${change.toExponential(2)}`;
    await reporter.updateTask({ path: iterationPath(iteration), status: "FINISHED", message });
  }
  // Converged early: the server cancels the iterations that are still pending.
  await reporter.updateTask({ path: ITERATE, status: "FINISHED" });
  return scores;
}

/** For all iterations at once: while one volume is unknown, so is the ratio of the whole. */
async function reportEdgeCount(reporter: Reporter, edgeCount: number): Promise<void> {
  for (let iteration = 1; iteration <= ITERATIONS_MAX; iteration += 1) {
    await reporter.updateTask({ path: iterationPath(iteration), volume: edgeCount });
  }
}

/** Iterations count from 1, children from 0; each iteration has one task here. */
function iterationPath(iteration: number): string {
  return `${ITERATE}.${iteration - 1}`;
}

async function write(reporter: Reporter, scores: Scores): Promise<void> {
  await reporter.updateTask({ path: WRITE, status: "RUNNING" });
  const rows = topScores(scores, ROW_COUNT).map(([path, score]) => ({ name: packageName(path), score }));
  const nameWidth = Math.max(...rows.map(({ name }) => name.length));
  console.log(`rank  ${"package".padEnd(nameWidth)}     score`);
  for (const [index, { name, score }] of rows.entries()) {
    console.log(`${String(index + 1).padStart(4)}  ${name.padEnd(nameWidth)}  ${score.toFixed(6)}`);
    await reporter.updateTask({ path: WRITE, done: index + 1 });
  }
  await reporter.updateTask({ path: WRITE, status: "FINISHED" });
}

/** `a > b` for the b that is installed for a alone. */
function packageName(path: string): string {
  return path === ""
    ? "(this project)"
    : path.replace(/^node_modules\//, "").replaceAll("/node_modules/", " > ");
}
