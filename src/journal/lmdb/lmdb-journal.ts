import { existsSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import type { DatabaseName } from "../../tasks/names.js";
import { DataFolder, unusableFolderError } from "./data-folder.js";
import { DiskReserve } from "./disk-reserve.js";
import { DescriptorReserve } from "./descriptor-reserve.js";
import { databaseExistsError } from "../database-exists-error.js";
import { journalClosedError, JournalHandle } from "../journal-handle.js";
import {
  DamagedJournalError,
  JournalError,
  type DatabaseJournal,
  type DatabaseSummary,
  type Journal,
  type OpenOptions,
  type WriteFailure,
} from "../journal.js";
import { unavailableReason } from "../unavailable-reason.js";
import { systemCodeOf } from "../system-code.js";
import { importFile } from "./database-file.js";
import { giveToOwner, isRootInForeignFolder } from "./folder-owner.js";
import { DAMAGED, LmdbDatabase, LOG_SUFFIX, newHead, type LmdbOptions } from "./lmdb-database.js";

/**
 * Opens a journal in a folder of this machine: appended entries survive a crash or a power failure. Each
 * database is one LMDB file, so that damage to one does not affect the others, and an unused database costs
 * nothing.
 *
 * @throws DataFolderError if the folder cannot be used: another server owns it, or it is not a Tidemark data
 * folder.
 */
export async function openLmdbJournal(path: string, options: OpenOptions & LmdbOptions): Promise<Journal> {
  const folder = await (options.mustExist ? DataFolder.openExisting(path) : DataFolder.open(path));
  const journal = new LmdbJournal(folder, options);
  try {
    await journal.prepare();
  } catch (error) {
    await journal.close();
    throw error;
  }
  return journal;
}

class LmdbJournal implements Journal {
  readonly supports = { durability: true, otherWriters: false };
  readonly #folder: DataFolder;
  readonly #options: OpenOptions & LmdbOptions;
  readonly #diskReserve: DiskReserve;
  readonly #descriptors = new DescriptorReserve();
  readonly #opened = new Map<DatabaseName, Opened>();
  readonly #closing = new Map<DatabaseName, Promise<void>>();
  /** The job counts of the databases that are not open. */
  readonly #jobCounts = new Map<DatabaseName, number>();
  /** Why databases could not be opened at the start. */
  readonly #unavailable = new Map<DatabaseName, string>();
  /** The databases that --new-epoch could not reach at the start. They begin the new epoch once they can be opened. */
  readonly #epochsDue = new Set<DatabaseName>();
  readonly #timer = setInterval(() => void this.#maintain(), MAINTENANCE_MS).unref();
  /** Whether this process is root, and the folder belongs to another user, who gets the files when the journal closes. */
  #isForeignFolder = false;
  #probing: Promise<boolean> | undefined;
  /** Aborted when the journal closes: then closing databases are not rewritten. */
  readonly #closed = new AbortController();

  constructor(folder: DataFolder, options: OpenOptions & LmdbOptions) {
    this.#folder = folder;
    this.#diskReserve = new DiskReserve(folder.reserveFile);
    this.#options = { ...options, descriptors: this.#descriptors, diskReserve: this.#diskReserve };
  }

  /** Reads the head of every database. One that can't be opened is logged and does not affect the others. */
  async prepare(): Promise<void> {
    const { newEpoch, log } = this.#options;
    const { path: folder } = this.#folder;
    this.#isForeignFolder = await isRootInForeignFolder(folder);
    if (this.#isForeignFolder) log.warn({ folder }, ROOT_IN_FOREIGN_FOLDER);
    await this.#diskReserve.take().catch((error: unknown) => {
      throw unusableFolderError(folder, error);
    });
    await this.#makePrivate();
    if (newEpoch) log.warn({}, "every database begins a new epoch (--new-epoch)");
    for (const { name, path } of await this.#folder.databases()) {
      if (newEpoch) this.#epochsDue.add(name);
      try {
        await using database = this.#openDatabase(name);
        if (newEpoch) await this.#beginEpoch(name, database);
        if (database.exists) this.#jobCounts.set(name, database.jobCount);
      } catch (error) {
        this.#jobCounts.set(name, 0);
        this.#unavailable.set(name, unavailableReason(error));
        const isDamaged = error instanceof DamagedJournalError;
        const reason = messageOf(isDamaged ? error.cause : error);
        log.error({ file: path, reason }, isDamaged ? DAMAGED : UNAVAILABLE);
      }
    }
  }

  async #makePrivate(): Promise<void> {
    const { changed, left } = await this.#folder.makePrivate();
    const { path: folder } = this.#folder;
    if (changed.length > 0) this.#options.log.warn({ folder, files: changed.length }, MADE_PRIVATE);
    if (left.length > 0) this.#options.log.warn({ folder, files: left.slice(0, 10) }, NOT_PRIVATE);
  }

  async open(name: DatabaseName): Promise<DatabaseJournal> {
    await this.#closing.get(name);
    this.#checkOpen();
    const opened = this.#opened.get(name) ?? {
      database: this.#openDatabase(name),
      handles: new Set<JournalHandle>(),
    };
    this.#opened.set(name, opened);
    const handle: JournalHandle = new JournalHandle(opened.database, () =>
      this.#release(name, opened, handle),
    );
    opened.handles.add(handle);
    try {
      if (this.#epochsDue.has(name)) await this.#beginEpoch(name, opened.database);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async databases(): Promise<readonly DatabaseSummary[]> {
    this.#checkOpen();
    const summaries = new Map<DatabaseName, DatabaseSummary>();
    for (const [name, jobCount] of this.#jobCounts)
      summaries.set(name, summaryOf(name, jobCount, this.#unavailable.get(name)));
    for (const [name, { database }] of this.#opened)
      if (database.exists) summaries.set(name, summaryOf(name, database.jobCount, damageOf(database)));
      else summaries.delete(name);
    return [...summaries.values()].toSorted(byName);
  }

  async recent(count: number): Promise<readonly DatabaseName[]> {
    const files = await Promise.all(
      (await this.#folder.databases()).map(async ({ name, path }) => ({
        name,
        at: (await stat(path)).mtimeMs,
      })),
    );
    return files
      .toSorted((a, b) => b.at - a.at)
      .slice(0, count)
      .map(({ name }) => name);
  }

  async import(name: DatabaseName, source: Pick<DatabaseJournal, "load">): Promise<void> {
    this.#checkOpen();
    const path = this.#folder.fileOf(name);
    if (existsSync(path)) throw databaseExistsError(name);
    try {
      await rm(`${path}${LOG_SUFFIX}`, { force: true }); // of a file that an operator has deleted
      const { jobCount } = await importFile(path, newHead(), source);
      this.#jobCounts.set(name, jobCount);
    } catch (cause) {
      if (cause instanceof JournalError || systemCodeOf(cause) === undefined) throw cause;
      throw new JournalError(`Cannot write the file: ${messageOf(cause)}.`, "nothing written", { cause });
    }
  }

  oldestReaderMs(): number {
    const now = performance.now();
    return Math.max(0, ...Array.from(this.#opened.values(), ({ database }) => database.oldestReaderMs(now)));
  }

  writeFailures(): WriteFailure[] {
    return Array.from(
      this.#opened,
      ([
        database,
        {
          database: { writeError },
        },
      ]) => ({
        database,
        file: this.#folder.fileOf(database),
        error: writeError,
      }),
    ).filter(({ error }) => error !== undefined);
  }

  async isWritable(): Promise<boolean> {
    if (this.#closed.signal.aborted) return false;
    this.#probing ??= this.#probe().finally(() => (this.#probing = undefined));
    return this.#probing;
  }

  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    clearInterval(this.#timer);
    const handles = [...this.#opened.values()].flatMap((opened) => [...opened.handles]);
    await Promise.all(handles.map((handle) => handle.close()));
    await Promise.all(this.#closing.values());
    this.#descriptors[Symbol.dispose]();
    if (this.#isForeignFolder) await giveToOwner(this.#folder.path);
    await this.#folder[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws DamagedJournalError, UnknownFormatError, and errors of the system */
  #openDatabase(name: DatabaseName): LmdbDatabase {
    const database = new LmdbDatabase(this.#folder.fileOf(name), this.#options);
    this.#unavailable.delete(name);
    return database;
  }

  async #beginEpoch(name: DatabaseName, database: LmdbDatabase): Promise<void> {
    await database.beginEpoch();
    this.#epochsDue.delete(name);
  }

  /** Never rejects. */
  async #maintain(): Promise<void> {
    const checks = [...this.#opened.values()].map(({ database }) => database.checkReaders(performance.now()));
    for (const { status, reason } of (await Promise.allSettled(checks)).filter(isRejected))
      this.#options.log.warn({ err: reason, status }, "cannot check for readers of a database");
    for (const { database } of this.#opened.values()) await database.rewriteIfDue();
  }

  /** Retries the databases whose last write failed. */
  async #probe(): Promise<boolean> {
    const failed = [...this.#opened.values()].filter(({ database }) => database.writeError !== undefined);
    const results = await Promise.allSettled(failed.map(({ database }) => database.probe()));
    return results.every(({ status }) => status === "fulfilled");
  }

  async #release(name: DatabaseName, { database, handles }: Opened, handle: JournalHandle): Promise<void> {
    handles.delete(handle);
    if (handles.size > 0) return;
    if (database.exists) this.#jobCounts.set(name, database.jobCount);
    else this.#jobCounts.delete(name);
    this.#opened.delete(name);
    const closing = database.close(this.#closed.signal).finally(() => this.#closing.delete(name));
    this.#closing.set(name, closing);
    await closing;
  }

  #checkOpen(): void {
    if (this.#closed.signal.aborted) throw journalClosedError();
  }
}

const MADE_PRIVATE =
  "the data folder was open to other users; folder and files are now accessible only to their owner (modes 0700 and 0600)";
const ROOT_IN_FOREIGN_FOLDER =
  "this server runs as root, but its data folder belongs to another user, whose server will not be able to open the files that this one creates. Start it as that user";
const NOT_PRIVATE =
  "files of the data folder are open to other users and belong to another user; change their owner, or their mode to 0600";

function isRejected(result: PromiseSettledResult<void>): result is PromiseRejectedResult {
  return result.status === "rejected";
}

const MAINTENANCE_MS = 60_000;

/** A database in use. */
interface Opened {
  readonly database: LmdbDatabase;
  readonly handles: Set<JournalHandle>;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function summaryOf(name: DatabaseName, jobCount: number, unavailable: string | undefined): DatabaseSummary {
  return unavailable === undefined ? { name, jobCount } : { name, jobCount, unavailable };
}

function damageOf({ damage }: LmdbDatabase): string | undefined {
  return damage && unavailableReason(damage);
}

const UNAVAILABLE = "a database cannot be opened; the others are not affected";

function byName(a: DatabaseSummary, b: DatabaseSummary): number {
  return a.name < b.name ? -1 : 1;
}
