/**
 * Changes per second that a journal in PostgreSQL appends over one connection at a time, beside the same rows that a bare client
 * (`pg`) inserts into a table of the same shape, in one statement per batch.
 *
 *     npm run bench -- postgres-append
 *
 * Results (Node 20, PostgreSQL 15 with fsync, 2 AMD EPYC cores, of which other work used most; an entry has 340 bytes; medians of 5
 * interleaved rounds):
 *
 *     batches of   bare/s   journal/s   journal to bare
 *              1      210         349              1.65
 *            100   17,869      15,808              0.81
 *          1,000   26,258      17,856              0.77
 */
import pg from "pg";
import type { DatabaseJournal } from "../src/journal/journal.js";
import { entryBody } from "../src/journal/postgres/bodies.js";
import { openPostgresJournal } from "../src/journal/postgres/postgres-journal.js";
import { assert } from "../src/util/assert.js";
import { silentLog } from "../src/util/log.js";
import { jobKey, storing, updating } from "../test/kit/journal/entries.js";
import { startPostgres } from "../test/kit/postgres/postgres-server.js";
import { median, rounded } from "./repeat.js";
import { BENCH_DATABASE, JOURNAL_OPTIONS } from "./sample-jobs.js";

const ROUNDS = 5;
const RUN_MS = 1_000;
const JOBS = 1_000;
const BATCHES = [1, 100, 1_000];

const INSERT = `INSERT INTO bare (database_id, revision, at, is_removal, job_key, commit_id, body)
SELECT 1, u.revision, now(), false, u.job_key, u.commit_id, u.body
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) u(revision, job_key, commit_id, body)`;

/** Appends, or inserts, so many changes. */
type Write = (size: number) => Promise<unknown>;

await using server = await startPostgres({ settings: { shared_buffers: "256MB", max_wal_size: "4GB" } });
const url = await server.createDatabase();
await using journal = await openPostgresJournal(url, { ...JOURNAL_OPTIONS, newEpoch: false, log: silentLog });
await using bare = await openBareClient(url);
const append = await appender(await journal.open(BENCH_DATABASE));

const rounds: { readonly bare: number; readonly journal: number }[][] = BATCHES.map(() => []);
for (let round = 0; round <= ROUNDS; round++)
  for (const [at, size] of BATCHES.entries()) {
    const perSeconds = { bare: await perSecond(size, bare.insert), journal: await perSecond(size, append) };
    if (round > 0) rounds[at]!.push(perSeconds);
  }
console.table(
  BATCHES.map((size, at) => ({
    "batches of": size,
    "bare/s": Math.round(median(rounds[at]!.map((round) => round.bare))),
    "journal/s": Math.round(median(rounds[at]!.map((round) => round.journal))),
    "journal to bare": rounded(median(rounds[at]!.map((round) => round.journal / round.bare)), 2),
  })),
);

async function perSecond(size: number, write: Write): Promise<number> {
  const begun = performance.now();
  let count = 0;
  while (performance.now() - begun < RUN_MS) {
    await write(size);
    count += size;
  }
  return count / ((performance.now() - begun) / 1_000);
}

/** Updates jobs in turn. */
async function appender(handle: DatabaseJournal): Promise<Write> {
  const keys = Array.from({ length: JOBS }, (_, index) => jobKey("alice", `job-${index}`));
  await handle.append(keys.map((key) => storing(key)));
  const revisions = keys.map((_, index) => index + 1);
  let next = 0;
  return async (size) => {
    const places = Array.from({ length: size }, () => next++ % JOBS);
    const result = await handle.append(places.map((place) => updating(keys[place]!, revisions[place]!)));
    assert(result.kind === "appended", result.kind);
    for (const [index, place] of places.entries()) revisions[place] = result.firstRevision + index;
  };
}

/** Inserts the same rows into a table of the same shape, with the same indexes. */
async function openBareClient(connectionString: string): Promise<AsyncDisposable & { insert: Write }> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query("CREATE TABLE bare (LIKE tidemark.entries INCLUDING ALL)");
  const body = entryBody(updating(jobKey("alice", "job-1"), 1));
  let revision = 0;
  return {
    async insert(size) {
      const revisions = Array.from({ length: size }, () => ++revision);
      await client.query(INSERT, [
        revisions,
        revisions.map((number) => `alice\tjob-${number % JOBS}`),
        revisions.map((number) => `0123456789abcdef0123456789abcdef.${number}`),
        revisions.map(() => body),
      ]);
    },
    [Symbol.asyncDispose]: () => client.end(),
  };
}
