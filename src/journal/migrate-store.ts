import { randomBytes } from "node:crypto";
import { DEFAULT_LIMITS } from "../protocol/limits.js";
import { parseDatabaseName, type DatabaseName } from "../tasks/names.js";
import { silentLog } from "../util/log.js";
import { ContentSum } from "./content-sum.js";
import type { DatabaseJournal, DatabaseSummary, Journal, JournalHead, OpenOptions } from "./journal.js";
import { openJournal } from "./open-journal.js";

export interface MigrationRequest {
  /** The URLs of two stores. */
  readonly from: string;
  readonly to: string;
  /** The names of the databases to copy; all if there are none. */
  readonly databases: readonly string[];
  /** As in `OpenOptions`. */
  readonly synchronousCommit?: string;
}

/** What has happened to one database. */
export type MigrationEvent =
  | {
      readonly kind: "progress";
      readonly name: string;
      readonly phase: "copying" | "checking";
      /** The jobs that were copied or checked, of `jobCount`. */
      readonly jobs: number;
      readonly jobCount: number;
    }
  | {
      readonly kind: "done";
      readonly name: string;
      readonly jobs: number;
      readonly removals: number;
      /** Whether an earlier migration has made the same copy. */
      readonly wasThere: boolean;
    };

type Report = (event: MigrationEvent) => void;

/**
 * Copies databases from one store to another. Positions of watchers stay valid: a copy has the epoch, the generations and all
 * revisions of its source. It begins a generation, so that positions are recognized which a server hands out that uses the
 * source afterwards.
 *
 * A database appears in the target when all of it is there. It is then read again and compared with the source. Databases
 * that an earlier migration has copied are left as they are.
 *
 * @throws Error for the operator. Before the first database is copied: if a store cannot be opened, a server uses the source,
 * or the target has other databases of these names.
 */
export async function migrateStore(request: MigrationRequest, report: Report): Promise<void> {
  const { from, to, databases, ...engine } = request;
  if (from === to) throw new Error("--from and --to are the same store. Choose another target.");
  await using source = await openStore("--from", from, { ...UNBOUNDED, ...engine, mustExist: true });
  const summaries = chosen(await source.databases(), databases);
  for (const { name } of summaries) await checkIsFree(source, name);
  await using target = await openStore("--to", to, { ...UNBOUNDED, ...engine });
  const present = await presentIn(target, source, summaries, report);
  for (const summary of summaries)
    report(present.get(summary.name) ?? (await copyDatabase(source, target, summary, report)));
}

async function openStore(option: string, url: string, options: OpenOptions): Promise<Journal> {
  try {
    const journal = await openJournal(url, options);
    if (journal.supports.durability) return journal;
    await journal.close();
  } catch (error) {
    throw new Error(`${option}: ${messageOf(error)}`, { cause: error });
  }
  throw new Error(`The store of ${option} keeps nothing when its process ends. Choose a durable one.`);
}

/** Nothing is dropped that the source has. */
const UNBOUNDED = {
  removalsKeptMax: Infinity,
  logLinesPerJobMax: Infinity,
  newEpoch: false,
  log: silentLog,
};

/** @throws Error if the source lacks one, or it cannot be read */
function chosen(all: readonly DatabaseSummary[], wanted: readonly string[]): readonly DatabaseSummary[] {
  const names = new Set(wanted.map((text) => parseDatabaseName(text, DEFAULT_LIMITS)));
  const known = new Set(all.map(({ name }) => name));
  const missing = [...names].filter((name) => !known.has(name));
  if (missing.length > 0) throw new Error(`The store of --from has no database ${quoted(missing)}.`);
  const summaries = names.size === 0 ? all : all.filter(({ name }) => names.has(name));
  for (const { name, unavailable } of summaries)
    if (unavailable !== undefined) throw unreadable(name, unavailable);
  return summaries;
}

function unreadable(name: DatabaseName, reason: string): Error {
  return new Error(
    `Cannot read the database ${quoted([name])}: ${reason} Nothing was copied. Copy the others with --database.`,
  );
}

async function checkIsFree({ engine }: Journal, name: DatabaseName): Promise<void> {
  if (engine && !(await engine.takeLease(name))) throw inUseError(name);
}

function inUseError(name: DatabaseName): Error {
  return new Error(
    `A server uses the database ${quoted([name])} of --from. Stop all servers that use this store, and run the command again. After a crash, a server counts as running for 15 seconds.`,
  );
}

/** The databases of the target that are copies of those of the source. @throws Error if others have one of the names */
async function presentIn(
  target: Journal,
  source: Journal,
  summaries: readonly DatabaseSummary[],
  report: Report,
): Promise<ReadonlyMap<DatabaseName, MigrationEvent>> {
  const taken = new Set((await target.databases()).map(({ name }) => name));
  const present = new Map<DatabaseName, MigrationEvent>();
  const others: DatabaseName[] = [];
  for (const summary of summaries.filter(({ name }) => taken.has(name))) {
    const { name } = summary;
    const [one, other] = [await read(source, summary, report), await read(target, summary, report)];
    if (isCopy(other, one)) present.set(name, doneEvent(name, one.sum, true));
    else others.push(name);
  }
  if (others.length === 0) return present;
  throw new Error(
    `The store of --to has other databases of the same name: ${quoted(others)}. Nothing was copied. Delete them there with tidemark purge --delete, or choose databases with --database.`,
  );
}

async function copyDatabase(
  source: Journal,
  target: Journal,
  { name, jobCount }: DatabaseSummary,
  report: Report,
): Promise<MigrationEvent> {
  const original = await withHandle(source, name, async (handle) => {
    if (!handle.holdsLease()) throw inUseError(name);
    const copied = await copyFrom(handle, target, { name, jobCount }, report);
    if ((await handle.head()).revision === copied.head.revision) return copied;
    throw await deleted(target, name, "has changed while it was copied. Stop all servers that use --from");
  });
  const copy = await read(target, { name, jobCount }, report);
  if (isCopy(copy, original)) return doneEvent(name, original.sum, false);
  throw await deleted(
    target,
    name,
    `differs from its copy, which has ${contentOf(copy)} instead of ${contentOf(original)}`,
  );
}

/** Copies the database, and sums up what was copied. @throws Error that names the database */
async function copyFrom(
  handle: DatabaseJournal,
  target: Journal,
  { name, jobCount }: DatabaseSummary,
  report: Report,
): Promise<LoadedDatabase> {
  const sum = new ContentSum();
  let loaded: JournalHead | undefined;
  try {
    await target.import!(name, {
      load: async (take) => {
        loaded = await handle.load(async (slice) => {
          await take(slice);
          sum.add(slice);
          report({ kind: "progress", phase: "copying", name, jobs: sum.jobs, jobCount });
        });
        return withNewGeneration(loaded);
      },
    });
    return { head: loaded!, sum };
  } catch (error) {
    throw new Error(`Cannot copy the database ${quoted([name])}: ${messageOf(error)}`, { cause: error });
  }
}

function withNewGeneration(head: JournalHead): JournalHead {
  const begun = { id: randomBytes(GENERATION_BYTES).toString("base64url"), startsAt: head.revision };
  return { ...head, generation: begun.id, generations: [...head.generations, begun] };
}

const GENERATION_BYTES = 6;

/** Deletes a copy, so that the command can be run again. */
async function deleted(target: Journal, name: DatabaseName, problem: string): Promise<Error> {
  await withHandle(target, name, (handle) => handle.erase());
  return new Error(`The database ${quoted([name])} ${problem}. The copy was deleted: run the command again.`);
}

interface LoadedDatabase {
  readonly head: JournalHead;
  readonly sum: ContentSum;
}

async function read(
  journal: Journal,
  { name, jobCount }: DatabaseSummary,
  report: Report,
): Promise<LoadedDatabase> {
  const sum = new ContentSum();
  const head = await withHandle(journal, name, (handle) =>
    handle.load((slice) => {
      sum.add(slice);
      report({ kind: "progress", phase: "checking", name, jobs: sum.jobs, jobCount });
    }),
  );
  return { head, sum };
}

/** Whether a database has the same content, and continues the same history. */
function isCopy(copy: LoadedDatabase, original: LoadedDatabase): boolean {
  const continues = copy.head.generations.some(({ id }) => id === original.head.generation);
  return continues && contentOf(copy) === contentOf(original);
}

function contentOf({ head, sum }: LoadedDatabase): string {
  return sum.describe(head);
}

async function withHandle<T>(
  journal: Journal,
  name: DatabaseName,
  work: (handle: DatabaseJournal) => Promise<T>,
): Promise<T> {
  const handle = await journal.open(name);
  try {
    return await work(handle);
  } finally {
    await handle.close();
  }
}

function doneEvent(name: string, { jobs, removals }: ContentSum, wasThere: boolean): MigrationEvent {
  return { kind: "done", name, jobs, removals, wasThere };
}

function quoted(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(", ");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
