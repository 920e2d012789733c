/** A server with less memory than its jobs need starts, serves what fits, and lets an operator delete the rest. */
import { describe, expect, it } from "vitest";
import { openLmdbJournal } from "../../src/journal/lmdb/lmdb-journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { PerDatabaseTaskStoreProvider } from "../../src/store/per-database-task-store-provider.js";
import { systemClock } from "../../src/util/clock.js";
import { SteadyClock } from "../../src/util/steady-clock.js";
import { silentLog } from "../../src/util/log.js";
import { databaseName, jobKey } from "../kit/journal/entries.js";
import { ask, dataOf, readMetric } from "../kit/network/raw-http.js";
import { startTidemark } from "../kit/process/child-process.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { branch, leaf } from "../kit/store/edits.js";
import { reportOf, storeRequestOf } from "../kit/store/requests.js";
import { retentionOf } from "../kit/store/task-stores.js";
import { storeTask } from "../server/jobs.js";

const SMALL_HEAP = { env: { NODE_OPTIONS: "--max-old-space-size=64" } };

describe("a server with a heap of 64 MB", { timeout: 240_000 }, () => {
  it.each([
    ["many ordinary jobs", { jobs: 9_000, tasks: 10 }],
    ["a few of the largest trees", { jobs: 40, tasks: 9_999 }],
  ])("starts with %s that do not fit, serves the others, and deletes them on request", async (_, size) => {
    const folder = temporaryFolder();
    await fill(folder, "small", { jobs: 10, tasks: 10 });
    await fill(folder, "large", size);

    await using server = await startTidemark(["--store", `lmdb:${folder}`], SMALL_HEAP);
    const refused = await ask(server.url, { query: `{ taskCount(database: "large") }` });
    const served = await ask(server.url, { query: `{ taskCount(database: "small") }` });
    const deleted = await dataOf(server.url, DELETE, { database: "large" });
    const stored = await ask(server.url, storeTask({ database: "large" }));
    const counted = await ask(server.url, { query: `{ databases { name } taskCount(database: "large") }` });

    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: "UNAVAILABLE" });
    expect(refused.errors?.[0]?.message).toMatch(
      /database "large"\. It does not fit into the memory: it needs more than \d+/,
    );
    expect(served.data).toEqual({ taskCount: 10 });
    expect(deleted).toEqual({ deleteDatabase: { deleted: true } });
    expect(stored.errors).toBeUndefined();
    expect(counted.data).toEqual({ databases: [{ name: "large" }, { name: "small" }], taskCount: 1 });
    const used = await readMetric(server.url, "tidemark_memory_bytes");
    expect(used).toBeLessThan(await readMetric(server.url, "tidemark_memory_max_bytes"));
  });

  it("goes on while a reporter stores the largest trees, and accepts others once they are removed", async () => {
    const folder = temporaryFolder();
    await using server = await startTidemark(["--store", `lmdb:${folder}`], SMALL_HEAP);
    const task = branch("root", ...Array.from({ length: 9_999 }, (_, at) => leaf(`leaf ${at}`, 10)));

    const limits: unknown[] = [];
    for (let job = 0; job < 60; job++) {
      const { errors } = await ask(server.url, storeTask({ jobId: `${job}`, task }));
      limits.push(errors?.[0]?.extensions?.["limit"]);
    }
    const reported = await ask(server.url, { query: REPORT });
    await dataOf(
      server.url,
      `mutation ($database: String!) { purgeDatabase(database: $database) { removed } }`,
      {
        database: "d",
      },
    );
    const after = await ask(server.url, storeTask({ task }));

    expect(new Set(limits)).toEqual(new Set([undefined, "memoryMax"]));
    expect(limits.at(0)).toBeUndefined();
    expect(limits.at(-1)).toBe("memoryMax");
    expect(reported.errors).toBeUndefined();
    expect(after.errors).toBeUndefined();
  });
});

const DELETE = `mutation ($database: String!) { deleteDatabase(database: $database) { deleted } }`;
const REPORT = `mutation { updateTask(input: { database: "d", username: "u", jobId: "0", updates: [{ path: "1", done: 5 }] }) { userTask { version } } }`;

/** Stores jobs as a server with a larger heap would. */
async function fill(
  folder: string,
  name: string,
  { jobs, tasks }: { jobs: number; tasks: number },
): Promise<void> {
  const options = { clock: new SteadyClock(systemClock), log: silentLog, limits: DEFAULT_LIMITS };
  await using journal = await openLmdbJournal(folder, { ...DEFAULT_LIMITS, ...options, newEpoch: false });
  await using provider = new PerDatabaseTaskStoreProvider(journal, {
    ...options,
    retention: retentionOf(Infinity),
    idleMs: Infinity,
    lostAfterLeases: 3,
  });
  const database = databaseName(name);
  const store = await provider.getTaskStore(database);
  const spec = branch(
    "root",
    ...Array.from({ length: tasks - 1 }, (_, at) => leaf(`Load partition ${at}`, 10)),
  );
  const keys = Array.from({ length: jobs }, (_, at) => jobKey(`user${at % 100}`, `job-2026-11-${at}`));
  for (let first = 0; first < jobs; first += 100) {
    const some = keys.slice(first, first + 100);
    await Promise.all(some.map((key) => store.store(storeRequestOf(key, { database, spec }))));
    await store.updateAll(some.map((key) => ({ key, report: reportOf({ path: "0", done: 1 }) })));
  }
}
