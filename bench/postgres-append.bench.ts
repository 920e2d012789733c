/**
 * Changes per second that a journal in PostgreSQL appends over one connection at a time, beside the same rows that a bare client
 * (`pg`) inserts into a table of the same shape, in one statement per batch.
 *
 *     npm run bench -- postgres-append
 */
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import type { DatabaseJournal, JournalEntry } from "../src/journal/journal.js";
import { openPostgresJournal } from "../src/journal/postgres/postgres-journal.js";
import { silentLog } from "../src/util/log.js";
import { databaseName, jobKey, storing, updating } from "../test/kit/journal/entries.js";
import { startPostgres } from "../test/kit/postgres/postgres-server.js";
import { median, rounded } from "./repeat.js";

const ROUNDS = 5;
const RUN_MS = 1_000;
const JOBS = 1_000;
const BATCHES = [1, 100, 1_000];

await using server = await startPostgres({ settings: { shared_buffers: "256MB", max_wal_size: "4GB" } });
const url = await server.createDatabase();
await using journal = await openPostgresJournal(url, {
  removalsKeptMax: 10_000,
  logLinesPerJobMax: 10,
  newEpoch: false,
  log: silentLog,
});
const handle = await journal.open(databaseName("bench"));
const writer = await Writer();
const bare = await bareClient();

const rounds: Record<string, number>[][] = BATCHES.map(() => []);
for (let round = 0; round <= ROUNDS; round++)
  for (const [at, size] of BATCHES.entries()) {
    const row = { bare: await perSecond(size, bare.insert), journal: await perSecond(size, writer.append) };
    if (round > 0) rounds[at]!.push(row);
  }
console.table(
  BATCHES.map((size, at) => ({
    "batches of": size,
    "bare/s": Math.round(median(rounds[at]!.map(({ bare: n }) => n!))),
    "journal/s": Math.round(median(rounds[at]!.map(({ journal: n }) => n!))),
    "journal to bare": rounded(median(rounds[at]!.map(({ bare: b, journal: j }) => j! / b!))),
  })),
);
await bare.client.end();

async function perSecond(size: number, write: (size: number) => Promise<unknown>): Promise<number> {
  await pause(200);
  const begun = performance.now();
  let count = 0;
  while (performance.now() - begun < RUN_MS) {
    await write(size);
    count += size;
  }
  return count / ((performance.now() - begun) / 1_000);
}

async function Writer() {
  const keys = Array.from({ length: JOBS }, (_, index) => jobKey("alice", `job-${index}`));
  const latest = new Map<string, number>();
  const stored = await handle.append(keys.map((key) => storing(key)));
  keys.forEach((key, index) => latest.set(key.jobId, index + 1));
  let next = 0;
  return {
    async append(size: number) {
      const chosen = Array.from({ length: size }, () => keys[next++ % JOBS]!);
      const result = await handle.append(chosen.map((key) => updating(key, latest.get(key.jobId)!)));
      if (result.kind !== "appended") throw new Error(result.kind);
      chosen.forEach((key, index) => latest.set(key.jobId, result.firstRevision + index));
    },
  };
}

async function bareClient() {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("CREATE TABLE bare (LIKE tidemark.entries INCLUDING ALL)");
  const { change } = updating(jobKey("alice", "job-1"), 1);
  const body = JSON.stringify(change).padEnd(350, " ").slice(0, 350);
  let revision = 0;
  return {
    client,
    async insert(size: number) {
      const revisions = Array.from({ length: size }, () => ++revision);
      await client.query(
        `INSERT INTO bare (database_id, revision, at, is_removal, job_key, commit_id, body)
         SELECT 1, r, now(), false, k, c, b FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) u(r, k, c, b)`,
        [
          revisions,
          revisions.map((r) => `alice\tjob-${r % JOBS}`),
          revisions.map((r) => `0123456789abcdef.${r.toString(36)}`),
          revisions.map(() => body),
        ],
      );
    },
  };
}
