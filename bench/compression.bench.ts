/**
 * The size of typical answers, and the server's CPU and latency for them, by the coding that the client accepts. One
 * connection over HTTP, one request after the other, jobs of 20 tasks; the client does not decompress.
 *
 *     npx tsx bench/compression.bench.ts
 *
 * Results (Node 20.20, 2 shared cores under other load, median of 5 rounds; client and server in one process):
 *
 *     answer              coding        bytes   CPU µs   p50 ms
 *     updateTask          any             155      270     0.2
 *     updateTasks of 100  identity     14,095    1,739     1.5
 *                         gzip          1,406    1,953     1.7
 *                         br            1,472    2,003     1.6
 *     tasks(first: 10)    identity      2,277      310     0.2
 *                         gzip            536      417     0.3
 *     tasks(first: 100)   identity     22,387      595     0.5
 *                         gzip          3,081      818     0.7
 *                         br            3,293      865     0.7
 *
 * Answers up to 1 KiB, such as that of an update, are not touched. A page costs 0.2 ms more and is a seventh as long.
 */
import { Agent, request } from "node:http";
import { loadConfig } from "../src/config/load-config.js";
import { startApp } from "../src/app.js";
import { tasksBody, updateTaskBodies, updateTasksBodies } from "./operations.js";
import { median, rounded } from "./repeat.js";
import { BENCH_DATABASE, LEAF_PATHS, specOf, VOLUME } from "./sample-jobs.js";

const ROUNDS = 5;
const REQUESTS = 300;
const JOBS = 200;
/** As many as `operations.ts` assumes. */
const USERS = 100;
const CODINGS = ["identity", "gzip", "br"];

const config = loadConfig({
  flags: { port: "0", store: "memory:", dashboard: "off" },
  env: {},
  readFile: () => "",
});
await using app = await startApp(config);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

await storeJobs();
const [oneUpdate = ""] = updateTaskBodies(1, 1);
const [manyUpdates = ""] = updateTasksBodies(JOBS, 1, 100);
console.log("answer              coding        bytes   CPU µs   p50 ms");
await measure("updateTask", oneUpdate);
await measure("updateTasks of 100", manyUpdates);
await measure("tasks(first: 10)", tasksBody(10));
await measure("tasks(first: 100)", tasksBody(100));
agent.destroy();

async function measure(name: string, body: string): Promise<void> {
  const rounds = CODINGS.map((coding) => ({ coding, bytes: 0, cpu: [] as number[], ms: [] as number[] }));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const result of rounds) {
      const began = process.cpuUsage();
      for (let at = 0; at < REQUESTS; at++) {
        const startedAt = performance.now();
        result.bytes = await post(body, result.coding);
        if (round > 0) result.ms.push(performance.now() - startedAt);
      }
      const { user, system } = process.cpuUsage(began);
      if (round > 0) result.cpu.push((user + system) / REQUESTS);
    }
  }
  for (const { coding, bytes, cpu, ms } of rounds) {
    const figures = [bytes, Math.round(median(cpu)), rounded(median(ms), 2)];
    console.log(
      name.padEnd(20) + coding.padEnd(10) + figures.map((each) => String(each).padStart(9)).join(""),
    );
  }
}

/** Resolves with the bytes of the answer. */
function post(body: string, coding: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "accept-encoding": coding,
    };
    const message = request(`${app.url}/graphql`, { method: "POST", agent, headers }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => (bytes += chunk.length));
      response.on("end", () => resolve(bytes));
    });
    message.once("error", reject);
    message.end(body);
  });
}

/** Jobs with different names and progress, so that they repeat no more than real ones. */
async function storeJobs(): Promise<void> {
  const query = `mutation ($store: StoreTaskInput!, $update: UpdateTaskInput!) {
    storeTask(input: $store) { outcome } updateTask(input: $update) { userTask { version } }
  }`;
  for (let job = 0; job < JOBS; job++) {
    const key = { database: BENCH_DATABASE, username: `user${job % USERS}`, jobId: `job${job}` };
    const done = Math.floor(Math.random() * VOLUME);
    const updates = LEAF_PATHS.slice(0, job % LEAF_PATHS.length).map((path) => ({ path, done }));
    const variables = { store: { ...key, task: specOf(job) }, update: { ...key, updates } };
    await post(JSON.stringify({ query, variables }), "identity");
  }
}
