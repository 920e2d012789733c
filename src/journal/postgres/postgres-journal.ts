import type { DatabaseName } from "../../tasks/names.js";
import { errorCodeOf } from "../../util/assert.js";
import { withoutPassword } from "../../util/without-password.js";
import { JournalHandle, journalClosedError } from "../journal-handle.js";
import type { DatabaseJournal, DatabaseSummary, Journal, JournalEngine, OpenOptions } from "../journal.js";
import { commitLevel } from "./append-batch.js";
import { Connections, type ConnectionOptions } from "./connections.js";
import { EngineCounters } from "./engine-counters.js";
import { EnginePoll } from "./engine-poll.js";
import { importDatabase } from "./import-database.js";
import { PostgresDatabase, type DatabaseOptions } from "./postgres-database.js";
import { prepareSchema } from "./schema.js";
import { startFailureReason } from "./start-failure-reason.js";

export interface PostgresOptions
  extends
    OpenOptions,
    Pick<DatabaseOptions, "pendingMax" | "entriesKeptMs">,
    Pick<ConnectionOptions, "writeDeadlineMs"> {}

/**
 * Opens a journal in a PostgreSQL database, in which any number of servers may store the same databases.
 *
 * @param url as for any client of PostgreSQL; what it lacks comes from the variables `PG*` and from `.pgpass`
 * @throws Error for the operator, if the database cannot be used
 */
export async function openPostgresJournal(url: string, options: PostgresOptions): Promise<Journal> {
  const { connectionsMax = CONNECTIONS_MAX, writeDeadlineMs } = options;
  const connections = new Connections(url, { connectionsMax, writeDeadlineMs });
  const journal = new PostgresJournal(connections, options);
  try {
    await journal.prepare();
  } catch (cause) {
    await journal.close();
    throw new Error(`Cannot use the store ${withoutPassword(url)}: ${startFailureReason(cause)}`, { cause });
  }
  return journal;
}

const CONNECTIONS_MAX = 10;

class PostgresJournal implements Journal {
  readonly supports = { durability: true, otherWriters: true };
  readonly #connections: Connections;
  readonly #options: PostgresOptions;
  readonly #counters = new EngineCounters();
  readonly #opened = new Map<DatabaseName, Opened>();
  readonly #poll: EnginePoll;
  readonly #timer = setInterval(() => void this.#maintain(), MAINTENANCE_MS).unref();
  #maintaining: Promise<void> | undefined;
  #probing: Promise<boolean> | undefined;
  #isClosed = false;

  constructor(connections: Connections, options: PostgresOptions) {
    this.#connections = connections;
    this.#options = options;
    this.#poll = new EnginePoll(connections, this.#opened, this.#counters, options.log);
  }

  async prepare(): Promise<void> {
    await this.#connections.prepare((client) => prepareSchema(client, this.#options.mustExist));
    const values = [commitLevel(this.#options)];
    await this.#connections.write({ sql: "SELECT tidemark.check_session($1)", values });
    if (this.#options.newEpoch) await this.#beginEpochs();
    await this.#poll.start();
  }

  get engine(): JournalEngine {
    return this.#poll;
  }

  async open(name: DatabaseName): Promise<DatabaseJournal> {
    this.#checkOpen();
    const opened = this.#opened.get(name) ?? this.#openDatabase(name);
    const handle: JournalHandle = new JournalHandle(opened.database, () =>
      this.#release(name, opened, handle),
    );
    opened.handles.add(handle);
    try {
      if (!opened.database.holdsLease()) await this.#poll.takeLease(name);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async databases(): Promise<readonly DatabaseSummary[]> {
    this.#checkOpen();
    const rows = await this.#connections.read({
      sql: "SELECT name, job_count, head FROM tidemark.databases ORDER BY name",
    });
    return rows.map(({ name, job_count, head }) => ({ name, jobCount: job_count, revision: head }));
  }

  async recent(count: number): Promise<readonly DatabaseName[]> {
    const sql = "SELECT name FROM tidemark.databases ORDER BY written_at DESC LIMIT $1";
    return (await this.#connections.read({ sql, values: [count] })).map(({ name }) => name);
  }

  import(name: DatabaseName, source: Pick<DatabaseJournal, "load">): Promise<void> {
    this.#checkOpen();
    const level = commitLevel(this.#options);
    return this.#connections.writeTransaction((run) => importDatabase(run, name, source, level));
  }

  async isWritable(): Promise<boolean> {
    if (this.#isClosed) return false;
    this.#probing ??= this.#probe().finally(() => (this.#probing = undefined));
    return this.#probing;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    const handles = [...this.#opened.values()].flatMap((opened) => [...opened.handles]);
    await Promise.all(handles.map((handle) => handle.close()));
    await this.#maintaining;
    await this.#poll.stop();
    await this.#connections.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #openDatabase(name: DatabaseName): Opened {
    const opened = {
      database: new PostgresDatabase(name, this.#connections, this.#counters, this.#options),
      handles: new Set<JournalHandle>(),
    };
    this.#opened.set(name, opened);
    return opened;
  }

  async #release(name: DatabaseName, { handles }: Opened, handle: JournalHandle): Promise<void> {
    handles.delete(handle);
    if (handles.size > 0) return;
    this.#opened.delete(name);
    await this.#poll.releaseLease(name);
  }

  async #maintain(): Promise<void> {
    this.#maintaining ??= this.#compactAll().finally(() => (this.#maintaining = undefined));
    await this.#maintaining;
  }

  /** Never rejects. */
  async #compactAll(): Promise<void> {
    for (const { database } of this.#opened.values())
      await database.compact().catch((error: unknown) => {
        if (this.#isClosed) return;
        const level = isOvertaken(error) ? "info" : "warn";
        this.#options.log[level]({ err: error, database: database.name }, NOT_COMPACTED);
      });
  }

  /** A standby rejects the statement. */
  async #probe(): Promise<boolean> {
    try {
      await this.#connections.poll({ sql: "SELECT tidemark.incarnation()" });
      return true;
    } catch {
      return false;
    }
  }

  async #beginEpochs(): Promise<void> {
    this.#options.log.warn({}, "every database begins a new epoch (--new-epoch)");
    for (const { name } of await this.databases())
      await new PostgresDatabase(name, this.#connections, this.#counters, this.#options).beginEpoch();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw journalClosedError();
  }
}

/** Whether another server has compacted meanwhile. */
function isOvertaken(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error && errorCodeOf(error.cause) === "TM002";
}

const MAINTENANCE_MS = 1_000;
const NOT_COMPACTED = "cannot compact a database; the next attempt follows soon";

/** A database in use. */
interface Opened {
  readonly database: PostgresDatabase;
  readonly handles: Set<JournalHandle>;
}
