import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { DatabaseName } from "../../tasks/names.js";
import { ChangeSignal } from "../../util/change-signal.js";
import type { JournalDatabase } from "../journal-handle.js";
import {
  DamagedJournalError,
  FIRST_GENERATION,
  JournalError,
  type AppendResult,
  type JournalEntry,
  type JournalHead,
  type JournalNews,
  type JournalOptions,
  type JournalPoint,
  type JournalSlice,
  type StoredJob,
} from "../journal.js";
import { isStateOf } from "../is-state-of.js";
import { pickJobKey } from "../stored-job.js";
import { AppendBatch, commitLevel, type AppendOptions, type AppendFence } from "./append-batch.js";
import { jobOfRow, recordOfRow, removalOfRow } from "./bodies.js";
import type { Connections, Row, RunStatement, Statement } from "./connections.js";
import { Compaction, type CompactionOptions } from "./compaction.js";
import type { EngineCounters } from "./engine-counters.js";
import { JobFold } from "./job-fold.js";
import { slicesOf } from "./slices-of.js";

export interface DatabaseOptions extends JournalOptions, AppendOptions, CompactionOptions {}

/**
 * One database, as the handles of this process share it. The head that it knows only says whether there may be news. The news
 * themselves come from one statement, which sees one state of the server.
 */
export class PostgresDatabase implements JournalDatabase {
  readonly name: DatabaseName;
  readonly appendSignal = new ChangeSignal();
  readonly #connections: Connections;
  readonly #counters: EngineCounters;
  readonly #options: DatabaseOptions;
  readonly #compaction: Compaction;
  /** The epoch that begins with the first entry, if the database does not exist. */
  #freshEpoch = newId(EPOCH_BYTES);
  #known: JournalPoint | undefined;
  /** Of the appends of this process. */
  #fence: AppendFence = { node: newId(NODE_BYTES), number: 0 };
  /** Whether an append may still be on its way. */
  #isInDoubt = false;
  /** A generation that is being begun, so that polls do not take all connections while a standby is awaited. */
  #beginning: Promise<unknown> | undefined;
  /** Where its follower was when it last looked. */
  #followed: JournalPoint | undefined;
  /** The monotonic time at which the lease of this process ends. */
  #leaseEndsAt = -Infinity;

  constructor(
    name: DatabaseName,
    connections: Connections,
    counters: EngineCounters,
    options: DatabaseOptions,
  ) {
    this.name = name;
    this.#connections = connections;
    this.#counters = counters;
    this.#options = options;
    this.#compaction = new Compaction(name, connections, options);
  }

  async load(take: (slice: JournalSlice) => unknown): Promise<JournalHead> {
    for (;;) {
      const head = await this.#connections.readTransaction((run) => this.#load(run, take));
      if (head) return head;
      await this.beginGeneration();
    }
  }

  async erase(ifRevision?: number): Promise<boolean> {
    const values = [this.name, newGenerationId(), ifRevision, commitLevel(this.#options)];
    const [row] = await this.#write({ sql: "SELECT tidemark.erase($1, $2, $3, $4) AS erased", values });
    if (row["erased"]) this.learn(undefined);
    return row["erased"];
  }

  async append(entries: readonly JournalEntry[], madeFrom?: JournalPoint): Promise<AppendResult> {
    const batch = new AppendBatch(entries);
    const fresh = { epoch: this.#freshEpoch, generation: newGenerationId() };
    const sentAt = performance.now();
    const row = await this.#append(batch.statement(this.name, fresh, this.#fence, madeFrom, this.#options));
    switch (row["o_kind"]) {
      case "stale":
        return { kind: "stale" };
      case "conflict": {
        this.#counters.conflicted();
        const entry = batch.entryOfJob(row["o_conflict"] - 1);
        return { kind: "conflict", key: pickJobKey(entry), head: row["o_head"] };
      }
      default:
        this.#counters.appended(entries.length, performance.now() - sentAt);
        this.learn({ epoch: row["o_epoch"], generation: row["o_generation"], revision: row["o_head"] });
        return { kind: "appended", firstRevision: row["o_first"] };
    }
  }

  /** Tries for a while: the failure that made the outcome unknown has often ended other connections too, or moved the server. */
  async find(commitId: string): Promise<number | undefined> {
    const givesUpAt = performance.now() + FIND_TRIES_MS;
    for (;;) {
      try {
        return await this.#find(commitId);
      } catch (error) {
        if (performance.now() >= givesUpAt) throw error;
        await pause(FIND_PAUSE_MS);
      }
    }
  }

  async #find(commitId: string): Promise<number | undefined> {
    const { node, number } = this.#isInDoubt ? this.#raiseFence() : { node: "", number: undefined };
    const values = [this.name, newGenerationId(), commitId, commitLevel(this.#options), node, number];
    const sql = "SELECT tidemark.find($1, $2, $3, $4, $5, $6) AS revision";
    const [row] = await this.#write({ sql, values });
    if (number === this.#fence.number) this.#isInDoubt = false;
    return row["revision"] ?? undefined;
  }

  async newsAfter(point: JournalPoint): Promise<JournalNews | undefined> {
    this.#followed = point;
    if (this.#known && isSame(this.#known, point)) return undefined;
    const freshEpoch = this.#freshEpoch;
    const rows = await this.#read(NEWS, [point.revision, point.epoch, point.generation]);
    const { epoch, generations } = rows[0]!;
    const head = this.learn(pointOf(rows[0]!), freshEpoch);
    if (isSame(head, point)) return undefined;
    if (epoch !== point.epoch) return { kind: "gone" };
    if (generations)
      return isStateOf({ ...head, generations }, point)
        ? { kind: "generation", generations }
        : { kind: "gone" };
    if (rows[0]!["revision"] !== point.revision + 1) return { kind: "gone" };
    return { kind: "entries", records: contiguous(rows, point.revision).map(recordOfRow) };
  }

  async head(): Promise<JournalPoint> {
    const freshEpoch = this.#freshEpoch;
    const [row] = await this.#read(HEAD, []);
    return this.learn(pointOf(row!), freshEpoch);
  }

  /** How many changes the follower has not received yet. */
  get lag(): number {
    if (!this.#known || !this.#followed) return 0;
    return Math.max(0, this.#known.revision - this.#followed.revision);
  }

  /**
   * @param head undefined if the database did not exist
   * @param freshEpoch the fresh epoch when the question was asked
   * @returns the head, or what it would have been if the next entry were the first
   */
  learn(head: JournalPoint | undefined, freshEpoch = this.#freshEpoch): JournalPoint {
    if (head) this.#learn(head);
    else if (freshEpoch === this.#freshEpoch) this.#learn(beginningOf(freshEpoch));
    if (head?.epoch === this.#freshEpoch) this.#freshEpoch = newId(EPOCH_BYTES);
    return head ?? beginningOf(freshEpoch);
  }

  #learn(head: JournalPoint): void {
    const known = this.#known;
    if (known && isSameHistory(known, head) && known.revision >= head.revision) return; // an older answer
    if (known?.epoch === head.epoch && known.generation !== head.generation) this.#counters.generationBegan();
    this.#known = head;
    // Not before the caller of an append knows its result: then its follower has nothing to read.
    setImmediate(() => this.appendSignal.notify());
  }

  /** Begins a generation if another server has taken over, before anybody sees anything of that. @throws JournalError */
  async beginGeneration(): Promise<void> {
    const statement = { sql: "SELECT FROM tidemark.lock($1, $2)", values: [this.name, newGenerationId()] };
    this.#beginning ??= this.#write(statement).finally(() => (this.#beginning = undefined));
    await this.#beginning;
  }

  /** @param row the database's row; undefined if it does not exist. @returns whether that is news */
  learnsFrom(row: Row | undefined): boolean {
    const before = this.#known;
    this.learn(row && pointOf(row));
    return before !== this.#known;
  }

  /** Begins a new history with the current state. @throws JournalError */
  async beginEpoch(): Promise<void> {
    const values = [this.name, newGenerationId(), newId(EPOCH_BYTES)];
    await this.#write({ sql: "SELECT tidemark.begin_epoch($1, $2, $3)", values });
  }

  /** Does what is due, if this process has the lease. @throws JournalError */
  async compact(): Promise<void> {
    if (this.#known && this.#known.revision > 0 && this.holdsLease()) await this.#compaction.run(this.#known);
  }

  holdsLease(): boolean {
    return performance.now() < this.#leaseEndsAt;
  }

  /** @param endsAt monotonic */
  setLease(endsAt: number): void {
    this.#leaseEndsAt = endsAt;
  }

  async #append(statement: Statement): Promise<Row> {
    try {
      const [row] = await this.#write(statement);
      return row;
    } catch (error) {
      this.#counters.appendFailed();
      if (error instanceof JournalError && error.outcome === "unknown") {
        this.#isInDoubt = true;
        this.#freshEpoch = newId(EPOCH_BYTES); // it is used once: the database may exist by now, and be erased again
      }
      throw error;
    }
  }

  #raiseFence(): AppendFence {
    this.#fence = { ...this.#fence, number: this.#fence.number + 1 };
    return this.#fence;
  }

  async #write(statement: Statement): Promise<readonly [Row]> {
    const rows = await this.#counters.whileWaiting(() => this.#connections.write(statement));
    return rows as unknown as readonly [Row]; // a call of a function returns one row
  }

  /** The rows of a statement: at least one. */
  async #read(sql: string, values: readonly unknown[]): Promise<readonly Row[]> {
    for (;;) {
      const rows = await this.#connections.read({ sql, values: [this.name, ...values] });
      if (rows[0]!["is_current"] !== false) return rows;
      await this.beginGeneration();
    }
  }

  /** Returns undefined if another server has taken over, and no generation has begun yet. */
  async #load(run: RunStatement, take: (slice: JournalSlice) => unknown): Promise<JournalHead | undefined> {
    const freshEpoch = this.#freshEpoch;
    const [row] = await run({ sql: LOADED, values: [this.name] });
    const { id, is_current, epoch, generation, compacted, tombstone_horizon, generations } = row!;
    if (is_current === false) return undefined;
    const head = this.learn(pointOf(row!), freshEpoch);
    if (epoch === null) return { ...head, generations: [FIRST_GENERATION], tombstoneHorizon: 0 };
    const slice = { epoch, generation, jobs: [], removals: [] };
    for await (const jobs of this.#loadJobs(run, id, compacted)) await take({ ...slice, jobs });
    for await (const rows of slicesOf(run, REMOVALS, [id]))
      await take({ ...slice, removals: rows.map(removalOfRow) });
    return { ...head, generations, tombstoneHorizon: tombstone_horizon };
  }

  async *#loadJobs(run: RunStatement, id: number, compacted: number): AsyncGenerator<StoredJob[], void> {
    const fold = new JobFold(this.#options.logLinesPerJobMax);
    for await (const rows of slicesOf(run, ENTRIES, [id, compacted]))
      for (const row of rows) fold.add(recordOfRow(row));
    for await (const rows of slicesOf(run, JOBS, [id]))
      yield rows.map((row) => fold.next(jobOfRow(row))).filter((job) => job !== undefined);
    fold.checkFinished();
    for (const jobs of slicesOfList(fold.stored())) yield jobs;
  }
}

/** Every read names the server that it read from. */
const SERVER = "WITH server AS MATERIALIZED (SELECT tidemark.incarnation() AS incarnation)";
const FROM_SERVER = "FROM server LEFT JOIN tidemark.databases d ON d.name = $1";
const IS_CURRENT = "d.incarnation = server.incarnation AS is_current";
const GENERATIONS = `(
  SELECT json_agg(json_build_object('id', g.generation, 'startsAt', g.starts_at) ORDER BY g.ordinal)
  FROM tidemark.generations g WHERE g.database_id = d.id
)`;

const HEAD = `${SERVER} SELECT ${IS_CURRENT}, d.epoch, d.generation, d.head ${FROM_SERVER}`;

/** The entries after a revision, if the state is of this generation; at least one, but not too many bytes. */
const NEWS = `${SERVER}
SELECT ${IS_CURRENT}, d.epoch, d.generation, d.head, e.*,
  CASE WHEN d.epoch = $3 AND d.generation <> $4 THEN ${GENERATIONS} END AS generations
${FROM_SERVER}
LEFT JOIN LATERAL (
  SELECT n.revision, n.job_key, n.commit_id, n.body FROM (
    SELECT *, sum(octet_length(f.body)) OVER (ORDER BY f.revision) - octet_length(f.body) AS bytes_before FROM (
      SELECT a.revision, a.job_key, a.commit_id, a.body FROM tidemark.entries a
      WHERE a.database_id = d.id AND a.revision > $2 ORDER BY a.revision LIMIT 1000
    ) f
  ) n WHERE n.bytes_before < 8000000
) e ON d.epoch = $3 AND d.generation = $4
ORDER BY e.revision`;

const LOADED = `${SERVER}
SELECT ${IS_CURRENT}, d.id, d.epoch, d.generation, d.head, d.compacted, d.tombstone_horizon, ${GENERATIONS} AS generations
${FROM_SERVER}`;

const ENTRIES = `SELECT revision, job_key, commit_id, body FROM tidemark.entries
WHERE database_id = $1 AND revision > $2 ORDER BY revision`;
const JOBS = "SELECT revision, stored_revision, job_key, record FROM tidemark.jobs WHERE database_id = $1";
const REMOVALS = `SELECT revision, job_key, '' AS commit_id, body FROM tidemark.removals
WHERE database_id = $1 ORDER BY revision`;

function* slicesOfList<T>(items: Iterable<T>): Generator<T[], void> {
  const list = [...items];
  for (let from = 0; from < list.length; from += SLICE) yield list.slice(from, from + SLICE);
}

const SLICE = 300;

/** @throws DamagedJournalError */
function contiguous(rows: readonly Row[], after: number): readonly Row[] {
  const gap = rows.findIndex(({ revision }, index) => revision !== after + 1 + index);
  if (gap >= 0) throw new DamagedJournalError(`Entry ${after + 1 + gap} is missing.`);
  return rows;
}

/** Undefined if there is no database in the row. */
function pointOf({ epoch, generation, head }: Row): JournalPoint | undefined {
  return epoch === null ? undefined : { epoch, generation, revision: head };
}

function beginningOf(epoch: string): JournalPoint {
  return { epoch, generation: FIRST_GENERATION.id, revision: 0 };
}

function isSame(one: JournalPoint, other: JournalPoint): boolean {
  return isSameHistory(one, other) && one.revision === other.revision;
}

function isSameHistory(one: JournalPoint, other: JournalPoint): boolean {
  return one.epoch === other.epoch && one.generation === other.generation;
}

const FIND_TRIES_MS = 5_000;
const FIND_PAUSE_MS = 100;
const EPOCH_BYTES = 9;
const GENERATION_BYTES = 6;
const NODE_BYTES = 9;

function newGenerationId(): string {
  return newId(GENERATION_BYTES);
}

function newId(bytes: number): string {
  return randomBytes(bytes).toString("base64url");
}
