/**
 * The built server in a process that reports its own cost. The flags are one JSON argument; each command is a
 * line of JSON ({ ask, … }), and so is its answer. Needs --expose-gc.
 */
import { PerformanceObserver } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { DEFAULT_LIMITS, loadConfig, parseDatabaseName, startApp } from "../../../dist/index.js";

const flags = JSON.parse(process.argv[2] ?? "{}");
const app = await startApp(loadConfig({ flags: { port: "0", ...flags }, env: {}, readFile: String }));
let heldMs = 0;
let collectedMs = 0;

/**
 * The time for which the event loop was blocked between two checks: the elapsed time, but at most the CPU time
 * of the process, so that other load on the machine does not count.
 */
function watchLoop() {
  let [lookedAt, workedMs] = [performance.now(), cpuMs()];
  setInterval(() => {
    const [now, worked] = [performance.now(), cpuMs()];
    heldMs = Math.max(heldMs, Math.min(now - lookedAt, worked - workedMs));
    [lookedAt, workedMs] = [now, worked];
  }, 1);
}

function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

watchLoop();
new PerformanceObserver((list) => {
  collectedMs = Math.max(collectedMs, ...list.getEntries().map(({ duration }) => duration));
}).observe({ entryTypes: ["gc"] });

const answers = {
  /** Bytes in use after a garbage collection. */
  memory() {
    globalThis.gc();
    globalThis.gc();
    const { rss, heapUsed, external } = process.memoryUsage();
    return { rss, heap: heapUsed + external };
  },

  /** CPU time of the process so far, milliseconds. */
  cpu() {
    return { ms: cpuMs() };
  },

  /** The longest stall of the event loop, and of the garbage collector in it, since the last call. */
  stall() {
    const answer = { ms: heldMs, collectedMs };
    heldMs = 0;
    collectedMs = 0;
    return answer;
  },

  /** Stores this number of jobs, each with this number of tasks. */
  async storeJobs({ database, users, jobs, tasks }) {
    const store = await app.provider.getTaskStore(parseDatabaseName(database, DEFAULT_LIMITS));
    const subTasks = Array.from({ length: tasks - 1 }, (_, at) => ({
      description: `part ${at}`,
      volume: 100,
    }));
    const request = { memory: null, leaseMs: 60_000, requestId: null, onConflict: "OVERWRITE" };
    const spec = { description: "job", subTasks };
    for (let from = 0; from < jobs; from += 1_000) {
      const batch = Array.from({ length: Math.min(1_000, jobs - from) }, (_, at) => from + at);
      await Promise.all(
        batch.map((at) =>
          store.store({ ...request, database, username: `user${at % users}`, jobId: `job${at}`, spec }),
        ),
      );
    }
    return { position: store.position.revision };
  },
};

createInterface(process.stdin).on("line", async (line) => {
  const { ask, ...given } = JSON.parse(line);
  console.log(JSON.stringify(await answers[ask](given)));
});
console.log(JSON.stringify({ url: app.url }));
