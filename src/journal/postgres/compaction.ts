import { setImmediate } from "node:timers/promises";
import type { DatabaseName, JobKey } from "../../tasks/names.js";
import { JournalError, type JournalPoint, type StoredJob } from "../journal.js";
import { jobKeyColumn, jobOfRow, jobRecord, recordOfRow } from "./bodies.js";
import type { Connections, RunStatement } from "./connections.js";
import { JobFold } from "./job-fold.js";
import { slicesOf } from "./slices-of.js";

export interface CompactionOptions {
  readonly logLinesPerJobMax: number;
  /** How many entries wait at most until they are compacted. */
  readonly pendingMax?: number | undefined;
  /** How long entries are kept, by the clock of PostgreSQL. At least the newest 1,000 are. */
  readonly entriesKeptMs?: number | undefined;
}

/**
 * Keeps the entries of a database few. In small steps, which no append waits for, it writes the jobs that entries lead to into their
 * records, and deletes entries that are compacted and old. A follower that is further behind loads again. Done twice, it does
 * no harm: records are only replaced by newer ones.
 */
export class Compaction {
  readonly #name: DatabaseName;
  readonly #connections: Connections;
  readonly #options: CompactionOptions;
  /** Of which history the revisions are. */
  #history = "";
  #compacted = 0;
  #compactedAt = -Infinity;
  #trimmed = 0;
  #trimmedAt = -Infinity;

  constructor(name: DatabaseName, connections: Connections, options: CompactionOptions) {
    this.#name = name;
    this.#connections = connections;
    this.#options = options;
  }

  /** Does what is due. @param head that of the database. @throws JournalError */
  async run({ epoch, generation, revision }: JournalPoint): Promise<void> {
    const history = `${epoch}~${generation}`;
    if (history !== this.#history) this.#compacted = this.#trimmed = 0;
    this.#history = history;
    while (this.#isDue(revision)) await this.#compact();
    const { entriesKeptMs = ENTRIES_KEPT_MS } = this.#options;
    if (performance.now() - this.#trimmedAt < Math.min(TRIM_MS, entriesKeptMs)) return;
    this.#trimmedAt = performance.now();
    while (await this.#trim(entriesKeptMs));
  }

  #isDue(head: number): boolean {
    const { pendingMax = PENDING_MAX } = this.#options;
    const isOld = performance.now() - this.#compactedAt >= PENDING_MS;
    return head - this.#compacted >= (isOld ? 1 : pendingMax);
  }

  async #compact(): Promise<void> {
    const step = await this.#connections.readTransaction((run) => this.#readStep(run));
    if (step.to > step.from) await this.#connections.write({ sql: COMPACT, values: await valuesOf(step) });
    this.#compacted = step.to;
    if (step.isLast) this.#compactedAt = performance.now();
  }

  async #readStep(run: RunStatement): Promise<Step> {
    const [row] = await run({ sql: DATABASE, values: [this.#name] });
    if (!row) throw new JournalError("The database was deleted.", "nothing written");
    const { id, compacted: from } = row;
    const fold = new JobFold(this.#options.logLinesPerJobMax);
    let to = from;
    let bytes = 0;
    let isLast = true;
    for await (const rows of slicesOf(run, ENTRIES, [id, from])) {
      for (const entry of rows) fold.add(recordOfRow(entry));
      to = rows.at(-1)!["revision"];
      bytes += rows.reduce((sum, { body }) => sum + body.length, 0);
      isLast = to - from < PENDING_MAX && bytes < STEP_BYTES_MAX;
      if (!isLast) break;
    }
    const jobs: StoredJob[] = [];
    const keys = fold.unfinished.map(jobKeyColumn).join("\n");
    for (const record of await run({ sql: RECORDS, values: [id, keys] }))
      jobs.push(fold.next(jobOfRow(record))!);
    fold.checkFinished();
    jobs.push(...fold.stored());
    return { id, from, to, isLast, jobs, removed: fold.removed };
  }

  /** Returns whether there may be more to delete. */
  async #trim(keptMs: number): Promise<boolean> {
    const before = this.#trimmed;
    const [row] = await this.#connections.write({
      sql: TRIM,
      values: [this.#name, before, STEP_MAX, keptMs],
    });
    this.#trimmed = row!["trimmed"];
    return this.#trimmed - before >= STEP_MAX;
  }
}

interface Step {
  readonly id: number;
  /** The revisions between which the entries are compacted. */
  readonly from: number;
  readonly to: number;
  readonly isLast: boolean;
  readonly jobs: readonly StoredJob[];
  readonly removed: readonly JobKey[];
}

const DATABASE = "SELECT id, compacted FROM tidemark.databases WHERE name = $1";
const ENTRIES = `SELECT revision, job_key, commit_id, body FROM tidemark.entries
WHERE database_id = $1 AND revision > $2 ORDER BY revision`;
const RECORDS = `SELECT revision, stored_revision, job_key, record FROM tidemark.jobs
WHERE database_id = $1 AND job_key = ANY (string_to_array($2, E'\n'))`;
const COMPACT = "SELECT tidemark.compact($1, $2, $3, $4, $5, $6, $7, $8)";
const TRIM = "SELECT tidemark.trim($1, $2, $3, $4) AS trimmed";

/** Lets other work run between the jobs. */
async function valuesOf({ id, from, to, jobs, removed }: Step): Promise<readonly unknown[]> {
  const records: string[] = [];
  let begun = performance.now();
  for (const job of jobs) {
    records.push(jobRecord(job));
    if (performance.now() - begun < SLICE_MS) continue;
    await setImmediate();
    begun = performance.now();
  }
  const columns = [
    jobs.map(jobKeyColumn),
    jobs.map(({ revision }) => revision),
    jobs.map(({ storedRevision }) => storedRevision),
    records,
    removed.map(jobKeyColumn),
  ];
  return [id, from, to, ...columns.map((column) => column.join("\n"))];
}

const PENDING_MAX = 10_000;
/** How long entries wait at most, so that a load finds few. */
const PENDING_MS = 60_000;
const STEP_MAX = 2_000;
const STEP_BYTES_MAX = 8_000_000;
const SLICE_MS = 8;
const TRIM_MS = 10_000;
const ENTRIES_KEPT_MS = 10 * 60_000;
