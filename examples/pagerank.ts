/**
 * PageRank of the packages in package-lock.json in the working directory, reported as a job:
 * `npm run --silent example:pagerank`.
 *
 *     PageRank
 *     |-- load          volume: packages, known once the lock is parsed
 *     |-- iterate       at most 50 iterations; ends once the scores have converged
 *     |   |-- iteration volume: links followed, known once all packages are loaded
 *     |-- write         volume: rows
 *
 * The table goes to stdout, everything else to stderr.
 */
import { readFile } from "node:fs/promises";
import { iterative, leaf, task, type Task } from "tidemark-client";
import { readCommandLine } from "./options.js";
import { type Graph, countEdges, parseLock, resolveDependencies } from "./pagerank/graph.js";
import { type Scores, largestChange, pageRankStep, topScores, uniformScores } from "./pagerank/page-rank.js";
import { type Pause, runJob } from "./run-job.js";

const LOCK_FILE = "package-lock.json";
const PACKAGES_PER_STEP = 50;
const ITERATIONS_MAX = 50;
const CHANGE_MIN = 1e-6;
const ROW_COUNT = 20;

const TREE = task(
  "PageRank",
  leaf("load"),
  iterative("iterate", { mode: "DYNAMIC", max: ITERATIONS_MAX }, leaf("iteration")),
  leaf("write", { volume: ROW_COUNT }),
);

await runJob(readCommandLine("pagerank").options, TREE, async (root, pause) => {
  const graph = await root.run("load", (load) => readGraph(load, pause));
  const scores = await root.run("iterate", (iterate) => rank(iterate, pause, graph));
  await root.run("write", (write) => print(write, scores));
});

async function readGraph(load: Task, pause: Pause): Promise<Graph> {
  const lock = parseLock(JSON.parse(await readFile(LOCK_FILE, "utf8")));
  load.volume(lock.size);
  const graph = new Map<string, readonly string[]>();
  for (const path of lock.keys()) {
    graph.set(path, resolveDependencies(lock, path));
    load.advance();
    if (graph.size % PACKAGES_PER_STEP === 0) await pause();
  }
  return graph;
}

async function rank(iterate: Task, pause: Pause, graph: Graph): Promise<Scores> {
  setVolumes(iterate, countEdges(graph));
  let scores = uniformScores(graph);
  for (const iteration of iterate.iterations()) {
    const before = scores;
    scores = pageRankStep(graph, before);
    const change = largestChange(before, scores);
    await iteration.run("iteration", async (links) => {
      links.message(`largest change ${change.toExponential(2)}`);
      await pause();
    });
    // Converged early: the server cancels the iterations that are still pending.
    if (change < CHANGE_MIN) break;
  }
  return scores;
}

/** Sets the volume of all iterations, because the percentage is unknown while any volume is. */
function setVolumes(iterate: Task, edgeCount: number): void {
  for (let index = 0; index < ITERATIONS_MAX; index += 1) iterate.sub(index).volume(edgeCount);
}

function print(write: Task, scores: Scores): void {
  const rows = topScores(scores, ROW_COUNT).map(([path, score]) => ({ name: packageName(path), score }));
  const nameWidth = Math.max(...rows.map(({ name }) => name.length));
  console.log(`rank  ${"package".padEnd(nameWidth)}     score`);
  for (const [index, { name, score }] of rows.entries()) {
    console.log(`${String(index + 1).padStart(4)}  ${name.padEnd(nameWidth)}  ${score.toFixed(6)}`);
    write.advance();
  }
}

/** `a > b` for a package b in the node_modules of a. */
function packageName(path: string): string {
  return path === ""
    ? "(this project)"
    : path.replace(/^node_modules\//, "").replaceAll("/node_modules/", " > ");
}
