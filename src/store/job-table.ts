import { setImmediate } from "node:timers/promises";
import type { LeaseTerms } from "../tasks/health.js";
import { heapSizeOf } from "../tasks/heap-size.js";
import type { JobId, JobKey, Username } from "../tasks/names.js";
import { hasEnded, TASK_STATUSES, type TaskStatus } from "../tasks/task-status.js";
import type { JobState, Removal, UserTask } from "../tasks/user-task.js";
import { EndedJobs, type EndedJob } from "./ended-jobs.js";
import { LeasedJobs, type LeasedJob } from "./leased-jobs.js";
import type { MemoryAccount } from "./memory-budget.js";
import { RevisionIndex } from "./revision-index.js";
import { SortedNames } from "./sorted-names.js";
import { matches, type JobFilter, type PageWindow, type UserTaskPage } from "./task-store.js";

/**
 * The jobs and removals of a database. Jobs are indexed by key, user, latest change, latest store, end and next health
 * check, and counted by status. Only `apply` changes the table, one revision at a time.
 */
export class JobTable {
  readonly #users = new Map<Username, UserEntry>();
  readonly #usernames = new SortedNames<Username>();
  readonly #counts = zeroCounts();
  readonly #ended = new EndedJobs();
  readonly #leased: LeasedJobs;
  /** The jobs that have a cancel request and have not ended. */
  readonly #toCancel = new Set<Slot>();
  readonly #removalsKeptMax: number;
  readonly #memory: MemoryAccount;
  #tombstoneHorizon = 0;
  #activeAt: number | null = null;

  readonly #changes = new RevisionIndex<Slot>(({ state }, revision) => state?.stamp.revision === revision);
  readonly #stores = new RevisionIndex<Slot>(
    ({ state }, revision) => state?.kind === "userTask" && state.storedStamp.revision === revision,
  );
  readonly #removals = new RevisionIndex<Slot>(
    ({ state }, revision) => state?.kind === "removal" && state.stamp.revision === revision,
  );

  /** Loads a table from a journal, which delivers the states in slices and in any order. */
  static createLoader(options: JobTableOptions): JobTableLoader {
    const table = new JobTable(options);
    const slots: Slot[] = [];
    return {
      add(states) {
        for (const state of states) slots.push(table.#load(state));
      },
      async finish(tombstoneHorizon) {
        await table.#index(slots, tombstoneHorizon);
        return table;
      },
    };
  }

  constructor(options: JobTableOptions) {
    this.#leased = new LeasedJobs(options);
    this.#removalsKeptMax = options.removalsKeptMax;
    this.#memory = options.memory;
  }

  /** The revision of the newest removal that was dropped; 0 while all are kept. */
  get tombstoneHorizon(): number {
    return this.#tombstoneHorizon;
  }

  /** See `TaskStore.activeAt`. */
  get activeAt(): number | null {
    return this.#activeAt;
  }

  /** The users with jobs or removals. */
  get users(): ReadonlySet<Username> {
    return new Set(this.#users.keys());
  }

  /** Read-only: only the table adds jobs. */
  get ended(): Omit<EndedJobs, "replace"> {
    return this.#ended;
  }

  /** Read-only: only the table adds jobs. */
  get leased(): Omit<LeasedJobs, "replace"> {
    return this.#leased;
  }

  get(key: JobKey): JobState {
    return this.#users.get(key.username)?.slots.get(key.jobId)?.state;
  }

  /** The estimated size of a job or a removal, in bytes of the heap; 0 if there is none. */
  heapSizeOf(key: JobKey): number {
    return this.#users.get(key.username)?.slots.get(key.jobId)?.heapSize ?? 0;
  }

  /** Replaces the state of a job with `state`, which must have the newest revision. */
  apply(state: UserTask | Removal, heapSize: number): void {
    const slot = this.#slot(state);
    const before = slot.state;
    slot.state = state;
    this.#setHeapSize(slot, state, heapSize);
    this.#noteActivity(state);
    this.#changes.append(slot, state.stamp.revision);
    if (before) this.#changes.markStale();
    if (!hasSameStatus(before, state)) this.#count(before, state);
    this.#indexEnd(slot, state);
    slot.leased = this.#leased.replace(slot.leased, state);
    this.#indexCancelRequest(slot, state);
    this.#indexStore(before, state, slot);
    this.#indexRemoval(before, state, slot);
  }

  /** See `TaskStore.nextChange`. If the user has few slots, it scans them. */
  nextChange(revision: number, { username }: JobFilter = {}): UserTask | Removal | undefined {
    if (username === undefined) return this.#changes.firstAfter(revision)?.state;
    const slots = this.#users.get(username)?.slots;
    if (slots === undefined) return undefined;
    if (slots.size > SCANNED_SLOTS_MAX) return this.#changes.firstAfter(revision)?.state;
    return firstAfter(revision, slots.values());
  }

  /** Takes constant time unless the filter has a job id. */
  count({ username, jobId, statuses = TASK_STATUSES }: JobFilter): number {
    if (jobId !== undefined) return this.query({ username, jobId, statuses }).length;
    const counts = username === undefined ? this.#counts : this.#users.get(username)?.counts;
    if (!counts) return 0;
    return TASK_STATUSES.reduce(
      (total, status) => (statuses.includes(status) ? total + counts[status] : total),
      0,
    );
  }

  /** See `TaskStore.toBeCanceled`. */
  toBeCanceled(filter: JobFilter): UserTask[] {
    const jobs = Array.from(this.#toCancel, ({ state }) => state as UserTask); // safe: only jobs are added
    return jobs.filter((job) => matches(filter, job));
  }

  usernames(first: number, after: string): Username[] {
    return this.#usernames.page(first, after);
  }

  query(filter: JobFilter): UserTask[] {
    return [...this.#newestFirst(filter, Infinity, -1)];
  }

  page(
    filter: JobFilter,
    { count, from, storedBefore = Infinity, storedAfter = -1 }: PageWindow,
  ): UserTaskPage {
    const jobs =
      from === "newest"
        ? this.#newestFirst(filter, storedBefore, storedAfter)
        : this.#oldestFirst(filter, storedBefore, storedAfter);
    const userTasks = take(jobs, count);
    if (from === "oldest") userTasks.reverse();
    const newest = userTasks.at(0)?.storedStamp.revision ?? storedBefore - 1;
    const oldest = userTasks.at(-1)?.storedStamp.revision ?? storedAfter + 1;
    return {
      userTasks,
      hasNewer: !isEmpty(this.#oldestFirst(filter, Infinity, newest)),
      hasOlder: !isEmpty(this.#newestFirst(filter, oldest, -1)),
    };
  }

  *#newestFirst(filter: JobFilter, below: number, above: number): Generator<UserTask> {
    const slots = this.#candidates(filter)?.toReversed() ?? this.#stores.descending(below);
    for (const { state } of slots) {
      if (state?.kind !== "userTask" || state.storedStamp.revision >= below) continue;
      if (state.storedStamp.revision <= above) return;
      if (matches(filter, state)) yield state;
    }
  }

  *#oldestFirst(filter: JobFilter, below: number, above: number): Generator<UserTask> {
    const slots = this.#candidates(filter) ?? this.#stores.ascending(above);
    for (const { state } of slots) {
      if (state?.kind !== "userTask" || state.storedStamp.revision <= above) continue;
      if (state.storedStamp.revision >= below) return;
      if (matches(filter, state)) yield state;
    }
  }

  /** The slots that can match, oldest store first; undefined if any slot can. */
  #candidates({ username, jobId }: JobFilter): Slot[] | undefined {
    if (username === undefined && jobId === undefined) return undefined;
    const users = username === undefined ? [...this.#users.values()] : [this.#users.get(username)];
    const slots = users.flatMap((user) => {
      if (!user) return [];
      return jobId === undefined ? [...user.slots.values()] : (user.slots.get(jobId) ?? []);
    });
    return sortedBy(slots, storedRevisionOf);
  }

  #noteActivity(state: UserTask | Removal): void {
    if (state.kind === "userTask") this.#activeAt = Math.max(this.#activeAt ?? 0, state.reportedAt);
  }

  #load(state: UserTask | Removal): Slot {
    const slot = this.#slot(state);
    slot.state = state;
    this.#setHeapSize(slot, state, heapSizeOf(state));
    this.#noteActivity(state);
    this.#count(undefined, state);
    this.#indexEnd(slot, state);
    slot.leased = this.#leased.replace(slot.leased, state);
    this.#indexCancelRequest(slot, state);
    return slot;
  }

  /** Indexes all loaded slots, sorted by change and by store. Yields between the steps. */
  async #index(slots: readonly Slot[], tombstoneHorizon: number): Promise<void> {
    this.#tombstoneHorizon = tombstoneHorizon;
    await setImmediate();
    for (const slot of sortedByRevision(slots, ({ state }) => state!.stamp.revision)) {
      this.#changes.append(slot, slot.state!.stamp.revision);
      if (slot.state!.kind === "removal") this.#removals.append(slot, slot.state!.stamp.revision);
    }
    await setImmediate();
    const jobs = slots.filter(({ state }) => state!.kind === "userTask");
    for (const slot of sortedByRevision(jobs, storedRevisionOf))
      this.#stores.append(slot, storedRevisionOf(slot));
  }

  #setHeapSize(slot: Slot, { username }: JobKey, heapSize: number): void {
    if (heapSize !== slot.heapSize) this.#memory.charge(username, heapSize - slot.heapSize);
    slot.heapSize = heapSize;
  }

  #indexEnd(slot: Slot, state: UserTask | Removal): void {
    const { revision } = state.kind === "userTask" ? state.storedStamp : state.stamp;
    slot.ended = this.#ended.replace(slot.ended, state, revision);
  }

  #indexCancelRequest(slot: Slot, state: UserTask | Removal): void {
    if (isToBeCanceled(state)) this.#toCancel.add(slot);
    else this.#toCancel.delete(slot);
  }

  #indexStore(before: JobState, state: UserTask | Removal, slot: Slot): void {
    const stored = state.kind === "userTask" ? state.storedStamp : undefined;
    const storedBefore = before?.kind === "userTask" ? before.storedStamp : undefined;
    if (stored === storedBefore) return;
    if (stored) this.#stores.append(slot, stored.revision);
    if (storedBefore) this.#stores.markStale();
  }

  /** Keeps the newest removals. Dropping one raises the tombstone horizon. */
  #indexRemoval(before: JobState, state: UserTask | Removal, slot: Slot): void {
    if (before?.kind === "removal") this.#removals.markStale();
    if (state.kind === "removal") this.#removals.append(slot, state.stamp.revision);
    if (this.#removals.size <= this.#removalsKeptMax) return;
    const oldest = this.#removals.firstAfter(this.#tombstoneHorizon)?.state as Removal;
    this.#tombstoneHorizon = oldest.stamp.revision;
    this.#dropTombstone(oldest);
  }

  #dropTombstone(removal: Removal): void {
    const user = this.#users.get(removal.username)!;
    const slot = user.slots.get(removal.jobId)!;
    slot.state = undefined;
    this.#setHeapSize(slot, removal, 0);
    user.slots.delete(removal.jobId);
    if (user.slots.size === 0) this.#users.delete(removal.username);
    this.#removals.markStale();
    this.#changes.markStale();
  }

  #count(before: JobState, after: UserTask | Removal): void {
    const { username } = after;
    const user = this.#users.get(username)!;
    for (const counts of [this.#counts, user.counts]) {
      if (before?.kind === "userTask") counts[before.task.status]--;
      if (after.kind === "userTask") counts[after.task.status]++;
    }
    const countBefore = user.jobCount;
    user.jobCount += Number(after.kind === "userTask") - Number(before?.kind === "userTask");
    if (countBefore === 0 && user.jobCount > 0) this.#usernames.add(username);
    if (countBefore > 0 && user.jobCount === 0) this.#usernames.delete(username);
  }

  #slot({ username, jobId }: JobKey): Slot {
    let user = this.#users.get(username);
    if (!user) this.#users.set(username, (user = { slots: new Map(), counts: zeroCounts(), jobCount: 0 }));
    let slot = user.slots.get(jobId);
    if (!slot) user.slots.set(jobId, (slot = { state: undefined, heapSize: 0 }));
    return slot;
  }
}

/** A table that its reader does not change. */
export type ReadonlyJobTable = Omit<JobTable, "apply">;

export interface JobTableOptions extends LeaseTerms {
  readonly removalsKeptMax: number;
  readonly memory: MemoryAccount;
}

/** The current state of one key. Stale index entries refer to slots, so they keep no old state in memory. */
interface Slot {
  state: JobState;
  heapSize: number;
  ended?: EndedJob | undefined;
  leased?: LeasedJob | undefined;
}

interface JobTableLoader {
  add(states: readonly (UserTask | Removal)[]): void;
  finish(tombstoneHorizon: number): Promise<JobTable>;
}

function storedRevisionOf({ state }: Slot): number {
  return state?.kind === "userTask" ? state.storedStamp.revision : 0;
}

function hasSameStatus(before: JobState, after: JobState): boolean {
  return (
    before?.kind === "userTask" && after?.kind === "userTask" && before.task.status === after.task.status
  );
}

function isToBeCanceled(state: UserTask | Removal): boolean {
  return state.kind === "userTask" && state.cancelRequest !== null && !hasEnded(state.task.status);
}

/** The slots of a user with at most this many are scanned for the next change. */
const SCANNED_SLOTS_MAX = 1_000;

function firstAfter(revision: number, slots: Iterable<Slot>): UserTask | Removal | undefined {
  let first: JobState;
  for (const { state } of slots) {
    if (!state || state.stamp.revision <= revision) continue;
    if (!first || state.stamp.revision < first.stamp.revision) first = state;
  }
  return first;
}

interface UserEntry {
  readonly slots: Map<JobId, Slot>;
  readonly counts: Record<TaskStatus, number>;
  jobCount: number;
}

function zeroCounts(): Record<TaskStatus, number> {
  return { PENDING: 0, RUNNING: 0, FINISHED: 0, CANCELED: 0, FAILED: 0 };
}

function sortedBy<T>(items: readonly T[], revisionOf: (item: T) => number): T[] {
  return items.toSorted((a, b) => revisionOf(a) - revisionOf(b));
}

/** Requires distinct revisions. Sorts plain numbers, which is several times faster than sorting slots. */
function sortedByRevision(slots: readonly Slot[], revisionOf: (slot: Slot) => number): Slot[] {
  const byRevision = new Map(slots.map((slot) => [revisionOf(slot), slot]));
  return Array.from(Float64Array.from(byRevision.keys()).toSorted(), (revision) => byRevision.get(revision)!);
}

function take<T>(items: Iterable<T>, count: number): T[] {
  const taken: T[] = [];
  if (count === 0) return taken;
  for (const item of items) {
    taken.push(item);
    if (taken.length === count) break;
  }
  return taken;
}

function isEmpty(items: Iterator<unknown>): boolean {
  return items.next().done === true;
}
