/** The built Tidemark with a journal in memory, as a measured process. Requires `npm run build`. */
import { DEFAULT_LIMITS, loadConfig, parseDatabaseName, startApp } from "../dist/index.js";
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

answerRequests(app.url, { storeJobs, update });
