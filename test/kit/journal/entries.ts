import { randomUUID } from "node:crypto";
import {
  FIRST_GENERATION,
  JournalError,
  type DatabaseJournal,
  type JobHeader,
  type JournalEntry,
  type JournalOptions,
  type JournalRecord,
  type JournalSlice,
  type JournalHead,
  type StoredJob,
  type StoredRemoval,
} from "../../../src/journal/journal.js";
import { DEFAULT_LIMITS, type Limits } from "../../../src/protocol/limits.js";
import type { Edit } from "../../../src/tasks/edit.js";
import {
  addTasksToJob,
  removeJob,
  applyReport,
  storeJob,
  type Report,
} from "../../../src/tasks/job-changes.js";
import { parseDatabaseName, parseJobId, parseUsername, type JobKey } from "../../../src/tasks/names.js";
import { Stamp } from "../../../src/tasks/stamp.js";
import { allRows, changeOfTree, type VersionedRow } from "../../../src/tasks/task-rows.js";
import type { TaskSpec } from "../../../src/tasks/task-spec.js";
import type { Task } from "../../../src/tasks/task.js";
import { preOrder } from "../../../src/tasks/traverse.js";
import type { JobState, Removal, UserTask } from "../../../src/tasks/user-task.js";
import { assert } from "../../../src/util/assert.js";
import { elapsedMs } from "../store/edits.js";

/**
 * Journal entries made by the real domain, and the expected content of the journal.
 *
 *     const writer = await openWriter(handle);
 *     await writer.write(stores(JOB, SPEC), reports(JOB, { updates: [{ path: "", done: 1 }] }));  // one append
 *     sorted(await loadAll(handle))   // equals writer.expected()
 *
 * Where the tree does not matter, `storing`, `updating` and `removing` are the smallest entries.
 */

/** The complete content of a journal. */
export interface JournalSnapshot extends JournalHead {
  readonly jobs: readonly StoredJob[];
  readonly removals: readonly StoredRemoval[];
}

/** The head of a history without failovers, apart from its epoch and revision. */
export const FIRST_OF_HISTORY = {
  generation: FIRST_GENERATION.id,
  generations: [FIRST_GENERATION],
};

export async function loadAll(handle: Pick<DatabaseJournal, "load">): Promise<JournalSnapshot> {
  const slices: JournalSlice[] = [];
  const head = await handle.load((slice) => slices.push(slice));
  return {
    ...head,
    jobs: slices.flatMap(({ jobs }) => jobs),
    removals: slices.flatMap(({ removals }) => removals),
  };
}

/** Every entry after `revision`, until `signal` aborts. @throws JournalError where they are no longer kept */
export async function* recordsAfter(
  handle: Pick<DatabaseJournal, "load" | "follow">,
  revision: number,
  signal: AbortSignal,
): AsyncGenerator<JournalRecord, void> {
  const head = await handle.load(() => {});
  const point = { epoch: head.epoch, generation: head.generation, revision };
  for await (const news of handle.follow(() => point, signal)) {
    if (news.kind === "gone") throw new JournalError("the entries are gone", "nothing written");
    if (news.kind === "generation") point.generation = news.generations.at(-1)!.id;
    for (const record of news.kind === "entries" ? news.records : []) {
      point.revision = record.revision;
      yield record;
    }
  }
}

/** Parses the name as the server does, so that the journal accepts it. */
export function databaseName(text: string): ReturnType<typeof parseDatabaseName> {
  return parseDatabaseName(text, DEFAULT_LIMITS);
}

export function jobKey(username: string, jobId: string): JobKey {
  return { username: parseUsername(username, DEFAULT_LIMITS), jobId: parseJobId(jobId, DEFAULT_LIMITS) };
}

/** A change of one job. */
export interface ScriptedChange {
  readonly key: JobKey;
  /** Returns the same state, or none, if nothing changes. */
  readonly make: (before: JobState, edit: Edit) => JobState;
}

export function stores(key: JobKey, spec: TaskSpec = { description: "a task" }): ScriptedChange {
  return { key, make: (before, edit) => storeJob(before, { ...STORE, ...key, spec }, edit) };
}

/** Changes nothing if the job does not exist. */
export function reports(key: JobKey, report: Partial<Report>): ScriptedChange {
  const whole: Report = { updates: [], log: [], attempt: null, requestId: null, ...report };
  return whereStored(key, (before, edit) => applyReport(before, key, whole, edit));
}

/** Changes nothing if the job does not exist. */
export function grows(key: JobKey, path: string, specs: readonly TaskSpec[]): ScriptedChange {
  const growth = { path, specs, attempt: null, requestId: null };
  return whereStored(key, (before, edit) => addTasksToJob(before, key, growth, edit));
}

/** Changes nothing if the job does not exist. */
export function removes(key: JobKey): ScriptedChange {
  return { key, make: (before, edit) => removeJob(before, { attempt: null }, "REMOVED", edit) };
}

/** The only writer of a database; it remembers what it wrote. */
export class JournalWriter {
  readonly records: JournalRecord[] = [];
  #handle: Pick<DatabaseJournal, "append">;
  readonly #options: JournalOptions;
  readonly #limits: Limits;
  readonly #epoch: string;
  #states: ReadonlyMap<string, UserTask | Removal> = new Map();
  #now = 1_700_000_000_000;

  constructor(handle: Pick<DatabaseJournal, "append">, options: JournalOptions, epoch: string) {
    this.#handle = handle;
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options };
    this.#epoch = epoch;
  }

  /** Makes the changes one after the other and appends them as one batch. */
  async write(...changes: readonly ScriptedChange[]): Promise<void> {
    const states = new Map(this.#states);
    const records: JournalRecord[] = [];
    for (const change of changes) {
      const revision = this.records.length + records.length + 1;
      const entry = this.#draft(change, revision, states);
      if (entry) records.push({ revision, entry });
    }
    if (records.length > 0) await this.#append(records);
    this.#states = this.#withoutForgotten(states);
  }

  /** Continues with the same database after it was reopened. */
  continueWith(handle: Pick<DatabaseJournal, "append">): void {
    this.#handle = handle;
  }

  userTask(key: JobKey): UserTask {
    const state = this.#states.get(idOf(key));
    assert(state?.kind === "userTask", `no job ${idOf(key)}`);
    return state;
  }

  /** The expected content of the journal. */
  expected(): JournalSnapshot {
    return { ...FIRST_OF_HISTORY, epoch: this.#epoch, ...replayEntries(this.records, this.#options) };
  }

  /** There is no other writer, so the revision of the change is known in advance. */
  #draft(
    { key, make }: ScriptedChange,
    revision: number,
    states: Map<string, UserTask | Removal>,
  ): JournalEntry | undefined {
    const before = states.get(idOf(key));
    const stamp = Stamp.of(this.#epoch, revision);
    const after = make(before, { now: ++this.#now, elapsedMs, stamp, limits: this.#limits });
    if (!after || after === before) return undefined;
    states.set(idOf(key), after);
    return entryOf(before, after);
  }

  async #append(records: readonly JournalRecord[]): Promise<void> {
    const result = await this.#handle.append(records.map(({ entry }) => entry));
    const isAsExpected = result.kind === "appended" && result.firstRevision === this.records.length + 1;
    assert(isAsExpected, `the only writer was answered ${JSON.stringify(result)}`);
    this.records.push(...records);
  }

  #withoutForgotten(states: ReadonlyMap<string, UserTask | Removal>): Map<string, UserTask | Removal> {
    const { tombstoneHorizon } = this.expected();
    return new Map(
      [...states].filter(([, { kind, stamp }]) => kind === "userTask" || stamp.revision > tombstoneHorizon),
    );
  }
}

/** A writer for an empty database. `options` are those with which the journal was opened. */
export async function openWriter(
  handle: Pick<DatabaseJournal, "append" | "load">,
  options: JournalOptions,
): Promise<JournalWriter> {
  const { epoch } = await loadAll(handle);
  return new JournalWriter(handle, options, epoch);
}

/** The smallest store, made from revision `madeFrom`. */
export function storing(key: JobKey, madeFrom = 0): JournalEntry {
  return { ...SMALLEST.stored, ...key, madeFrom, commitId: randomUUID() };
}

/** The smallest update of what `storing` stored. */
export function updating(key: JobKey, madeFrom: number): JournalEntry {
  return { ...SMALLEST.updated, ...key, madeFrom, commitId: randomUUID() };
}

export function removing(key: JobKey, madeFrom: number): JournalEntry {
  return { ...SMALLEST.removed, ...key, madeFrom, commitId: randomUUID() };
}

/** `count` updates of one job, each made from the previous one, the first from revision `madeFrom`. */
export function updatingOften(key: JobKey, madeFrom: number, count: number): JournalEntry[] {
  return Array.from({ length: count }, (_, index) => updating(key, madeFrom + index));
}

/** The state after the entries, computed naively with new lists for each entry. */
export function replayEntries(records: readonly JournalRecord[], options: JournalOptions): State {
  const nothing = { revision: 0, tombstoneHorizon: 0, jobs: [], removals: [] };
  return sorted(records.reduce<State>((state, record) => applied(state, record, options), nothing));
}

/** A snapshot in a canonical order, for comparisons. */
export function sorted<T extends State>(snapshot: T): T {
  const jobs = snapshot.jobs.map((job) => ({ ...job, tasks: sortedBy(job.tasks, ({ row }) => row.path) }));
  return { ...snapshot, jobs: sortedBy(jobs, idOf), removals: sortedBy(snapshot.removals, idOf) };
}

/** A tree as plain data: revisions instead of stamps, and paths instead of nested tasks. */
export function plainTree(root: Task): readonly object[] {
  return preOrder(root).map(({ task, path }) => ({
    ...task,
    path,
    stamp: task.stamp.revision,
    subTasks: undefined,
  }));
}

/** The entry from `before` to `after`, whose revision is set. */
function entryOf(before: JobState, after: UserTask | Removal): JournalEntry {
  const { username, jobId } = after;
  const madeFrom = before?.stamp.revision ?? 0;
  return { format: 1, commitId: randomUUID(), username, jobId, madeFrom, change: changeOf(before, after) };
}

function changeOf(before: JobState, after: UserTask | Removal): JournalEntry["change"] {
  if (after.kind === "removal") {
    const { reason, removedAt, attempt, version } = after;
    return { kind: "removed", reason, removedAt, attempt, version };
  }
  if (before?.kind !== "userTask" || before.attempt !== after.attempt) {
    return { kind: "stored", header: headerOf(after), tasks: allRows(after.task) };
  }
  const log = after.log.filter((line) => !before.log.includes(line));
  return { kind: "updated", header: headerOf(after), tasks: changeOfTree(before.task, after.task).rows, log };
}

function headerOf(userTask: UserTask): JobHeader {
  const { kind, database, username, jobId, stamp, storedStamp, task, log, ...header } = userTask;
  return header;
}

type State = Omit<JournalSnapshot, keyof typeof FIRST_OF_HISTORY | "epoch">;

function applied(state: State, { revision, entry }: JournalRecord, options: JournalOptions): State {
  const { username, jobId, change } = entry;
  const isOther = (key: JobKey): boolean => idOf(key) !== idOf(entry);
  const before = state.jobs.find((job) => !isOther(job));
  const jobs = state.jobs.filter(isOther);
  const removals = state.removals.filter(isOther);
  if (change.kind === "removed") {
    return forgetful(
      { ...state, revision, jobs },
      [...removals, { username, jobId, ...change, revision }],
      options,
    );
  }
  const isStored = change.kind === "stored";
  const job: StoredJob = {
    username,
    jobId,
    header: change.header,
    revision,
    storedRevision: isStored ? revision : before!.storedRevision,
    tasks: overwritten(
      isStored ? [] : before!.tasks,
      change.tasks.map((row) => ({ row, revision })),
    ),
    log: isStored ? [] : [...before!.log, ...change.log].slice(-options.logLinesPerJobMax),
  };
  return { ...state, revision, jobs: [...jobs, job], removals };
}

function forgetful(
  state: State,
  removals: readonly StoredRemoval[],
  { removalsKeptMax }: JournalOptions,
): State {
  const [oldest, ...newer] = removals;
  if (!oldest || removals.length <= removalsKeptMax) return { ...state, removals };
  return { ...state, removals: newer, tombstoneHorizon: oldest.revision };
}

function overwritten(rows: readonly VersionedRow[], written: readonly VersionedRow[]): VersionedRow[] {
  const kept = rows.filter(({ row }) => !written.some((other) => other.row.path === row.path));
  return [...kept, ...written];
}

function whereStored(key: JobKey, make: ScriptedChange["make"]): ScriptedChange {
  return { key, make: (before, edit) => (before?.kind === "userTask" ? make(before, edit) : before) };
}

function sortedBy<T>(things: readonly T[], textOf: (thing: T) => string): T[] {
  return things.toSorted((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
}

function idOf({ username, jobId }: JobKey): string {
  return JSON.stringify([username, jobId]);
}

const STORE = {
  database: databaseName("neo4j"),
  onConflict: "OVERWRITE",
  memory: { minBytes: 1, maxBytes: 2 },
  leaseMs: 60_000,
  requestId: null,
} as const;

const SMALLEST = smallestEntries();

function smallestEntries(): Record<"stored" | "updated" | "removed", JournalEntry> {
  const key = jobKey("alice", "job");
  const editAt = (revision: number): Edit => ({
    now: revision,
    elapsedMs,
    stamp: Stamp.of("smallest-one", revision),
    limits: DEFAULT_LIMITS,
  });
  const stored = stores(key).make(undefined, editAt(1)) as UserTask;
  const updated = reports(key, { updates: [{ path: "", done: 1 }] }).make(stored, editAt(2)) as UserTask;
  const removed = removes(key).make(updated, editAt(3)) as Removal;
  return {
    stored: entryOf(undefined, stored),
    updated: entryOf(stored, updated),
    removed: entryOf(updated, removed),
  };
}
