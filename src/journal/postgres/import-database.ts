import type { DatabaseName } from "../../tasks/names.js";
import { databaseExistsError } from "../database-exists-error.js";
import type { DatabaseJournal, JournalHead, JournalSlice, StoredJob, StoredRemoval } from "../journal.js";
import { entryBody, jobKeyColumn, jobRecord } from "./bodies.js";
import type { RunStatement } from "./connections.js";

/**
 * Writes a database that another journal loads, in one transaction. Its name is only locked at the end, so that servers which use
 * the name meanwhile do not wait.
 * @param level of durability, as `commitLevel` returns it
 * @throws JournalError if the database exists; and what `source` throws
 */
export async function importDatabase(
  run: RunStatement,
  name: DatabaseName,
  source: Pick<DatabaseJournal, "load">,
  level: string | undefined,
): Promise<void> {
  await run({ sql: "SELECT tidemark.check_session($1)", values: [level] });
  const [row] = await run({ sql: NEXT_ID });
  const id = row!["id"] as number;
  const counts = { jobs: 0, removals: 0 };
  const head = await source.load(async (slice) => {
    await insertSlice(run, id, slice);
    counts.jobs += slice.jobs.length;
    counts.removals += slice.removals.length;
  });
  await insertHead(run, id, name, head, counts);
}

async function insertSlice(run: RunStatement, id: number, { jobs, removals }: JournalSlice): Promise<void> {
  for (const part of parts(jobs, ({ tasks }) => tasks.length + 1)) await insertJobs(run, id, part);
  for (const part of parts(removals, () => 1)) await insertRemovals(run, id, part);
}

/** Lists are joined by newlines, as in an append. */
async function insertJobs(run: RunStatement, id: number, jobs: readonly StoredJob[]): Promise<void> {
  const values = [
    id,
    jobs.map(({ revision }) => revision).join("\n"),
    jobs.map(({ storedRevision }) => storedRevision).join("\n"),
    jobs.map(jobKeyColumn).join("\n"),
    jobs.map(jobRecord).join("\n"),
  ];
  await run({ sql: JOBS, values });
}

async function insertRemovals(
  run: RunStatement,
  id: number,
  removals: readonly StoredRemoval[],
): Promise<void> {
  const values = [
    id,
    removals.map(({ revision }) => revision).join("\n"),
    removals.map(jobKeyColumn).join("\n"),
    removals.map(removalBody).join("\n"),
  ];
  await run({ sql: REMOVALS, values });
}

/** The body of an entry that removes a job. The revision that it was made from is no longer known, and not read. */
function removalBody({ username, jobId, revision, ...change }: StoredRemoval): string {
  return entryBody({ format: 1, commitId: "", username, jobId, madeFrom: 0, change });
}

async function insertHead(
  run: RunStatement,
  id: number,
  name: DatabaseName,
  { epoch, generation, generations, revision, tombstoneHorizon }: JournalHead,
  { jobs, removals }: { readonly jobs: number; readonly removals: number },
): Promise<void> {
  const ids = generations.map((one) => one.id).join("\n");
  const starts = generations.map(({ startsAt }) => startsAt).join("\n");
  await run({ sql: GENERATIONS, values: [id, ids, starts] });
  await run({ sql: "SELECT tidemark.lock_name($1)", values: [name] });
  const values = [id, name, epoch, generation, revision, tombstoneHorizon, jobs, removals];
  const inserted = await run({ sql: DATABASE, values });
  if (inserted.length === 0) throw databaseExistsError(name);
}

/** Divides a list, so that no statement takes long. */
function* parts<T>(list: readonly T[], weightOf: (item: T) => number): Generator<T[], void> {
  let part: T[] = [];
  let weight = 0;
  for (const item of list) {
    part.push(item);
    weight += weightOf(item);
    if (weight < WEIGHT_MAX) continue;
    yield part;
    part = [];
    weight = 0;
  }
  if (part.length > 0) yield part;
}

/** The rows of tasks and removals in one statement: some megabytes. */
const WEIGHT_MAX = 10_000;

const NEXT_ID = "SELECT nextval(pg_get_serial_sequence('tidemark.databases', 'id')) AS id";

const JOBS = `
INSERT INTO tidemark.jobs (database_id, revision, stored_revision, job_key, record)
SELECT $1, j.revision, j.stored, j.job_key, j.record
FROM unnest(string_to_array($2, E'\\n')::bigint[], string_to_array($3, E'\\n')::bigint[],
            string_to_array($4, E'\\n'), string_to_array($5, E'\\n')) j(revision, stored, job_key, record)`;

const REMOVALS = `
INSERT INTO tidemark.removals (database_id, revision, job_key, body)
SELECT $1, r.revision, r.job_key, r.body
FROM unnest(string_to_array($2, E'\\n')::bigint[], string_to_array($3, E'\\n'), string_to_array($4, E'\\n'))
  r(revision, job_key, body)`;

/** A text without an id is an empty list. */
const GENERATIONS = `
INSERT INTO tidemark.generations (database_id, ordinal, generation, starts_at)
SELECT $1, g.n - 1, coalesce(g.id, ''), g.starts_at
FROM unnest(string_to_array($2, E'\\n'), string_to_array($3, E'\\n')::bigint[]) WITH ORDINALITY g(id, starts_at, n)`;

const DATABASE = `
INSERT INTO tidemark.databases (
  id, name, epoch, generation, incarnation, head, compacted, tombstone_horizon, job_count, removal_count, written_at
) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, tidemark.incarnation(), $5, $5, $6, $7, $8, clock_timestamp())
ON CONFLICT (name) DO NOTHING RETURNING id`;
