/** The built Tidemark as a measured process, by default with a journal in memory. Requires `npm run build`. */
import { DEFAULT_LIMITS, loadConfig, parseDatabaseName, startApp } from "../dist/index.js";
import { keyOf } from "./delivery/watch.mjs";
import { answerRequests } from "./measured.mjs";

const flags = { port: "0", store: "memory:", ...JSON.parse(process.argv[2] ?? "{}") };
const app = await startApp(loadConfig({ flags, env: {}, readFile: String }));

/** Stores `jobs` jobs of one shape: `job0` of `user0` and so on, the users in turn. */
async function storeJobs({ database, users, jobs, task }) {
  const store = await app.provider.getTaskStore(parseDatabaseName(database, DEFAULT_LIMITS));
  const request = {
    database,
    memory: null,
    leaseMs: 3_600_000,
    requestId: null,
    onConflict: "OVERWRITE",
    spec: task,
  };
  for (let from = 0; from < jobs; from += 1_000) {
    const batch = Array.from({ length: Math.min(1_000, jobs - from) }, (_, at) => from + at);
    await Promise.all(
      batch.map((at) => store.store({ ...request, username: `user${at % users}`, jobId: `job${at}` })),
    );
  }
}

async function update({ database, username, jobId, updates }) {
  const store = await app.provider.getTaskStore(parseDatabaseName(database, DEFAULT_LIMITS));
  await store.update({ username, jobId }, { attempt: null, updates, log: [], requestId: null });
}

/**
 * Keeps `inFlight` updates in flight, each by the next of `jobs` jobs, for `milliseconds`. Resolves with the number of updates
 * and of seconds.
 */
async function updateInFlight({ database, jobs, users, inFlight, milliseconds, paths }) {
  const store = await app.provider.getTaskStore(parseDatabaseName(database, DEFAULT_LIMITS));
  const began = performance.now();
  let sent = 0;
  const work = async () => {
    while (performance.now() - began < milliseconds) {
      const at = sent++;
      const path = paths[Math.floor(at / jobs) % paths.length];
      const report = { attempt: null, updates: [{ path, add: 1 }], log: [], requestId: null };
      await store.update(keyOf(at % jobs, users), report);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  return { updates: sent, seconds: (performance.now() - began) / 1_000 };
}

/** Opens a database and returns its revision and the number of its jobs, as this server knows them. */
async function state({ database }) {
  const store = await app.provider.getTaskStore(parseDatabaseName(database, DEFAULT_LIMITS));
  return { revision: store.position.revision, jobs: store.taskCount() };
}

answerRequests(app.url, { storeJobs, update, updateInFlight, state });
