import { isDeepStrictEqual } from "node:util";
import type { TaskStoreListener } from "../../../src/store/task-store-listener.js";
import type { JobFilter, TaskStore } from "../../../src/store/task-store.js";
import { progressOf } from "../../../src/tasks/progress.js";
import { currentIteration, type Task } from "../../../src/tasks/task.js";
import { preOrder, type LocatedTask } from "../../../src/tasks/traverse.js";
import type { Removal, RemovalReason, UserTask } from "../../../src/tasks/user-task.js";
import { heldJob, type HeldJob, type HeldJobs } from "./client.js";
import { wireKey, type WireJob, type WireTask } from "./event.js";

/** The complete history of a store as plain JSON. */
export interface HistoryRecord {
  readonly epoch: string;
  /** In order of revision, from 1. */
  readonly changes: readonly RecordedChange[];
}

export type RecordedChange = HistoricJob | HistoricRemoval;

/** A job from one revision on. */
interface HistoricJob extends AnyChange {
  readonly kind: "stored" | "updated";
  readonly job: WireJob;
  /** State and sums of each task that are not shown, in the order of the tasks. */
  readonly hidden: readonly string[];
}

interface HistoricRemoval extends AnyChange {
  readonly kind: "removed";
  readonly reason: RemovalReason;
}

interface AnyChange {
  readonly revision: number;
  readonly username: string;
  readonly jobId: string;
  readonly at: string;
  /** The tombstone horizon after the change. */
  readonly tombstoneHorizon: number;
}

/** Records the changes of a store from its first revision on. The correctness of listener calls is law 12. */
export class HistoryRecorder implements TaskStoreListener {
  readonly #store: TaskStore;
  readonly #changes: RecordedChange[] = [];

  constructor(store: TaskStore) {
    this.#store = store;
    store.addListener(this);
  }

  get record(): HistoryRecord {
    return { epoch: this.#store.position.epoch, changes: this.#changes };
  }

  onTaskAdded(userTask: UserTask): void {
    this.#put("stored", userTask);
  }

  onTaskUpdated(userTask: UserTask): void {
    this.#put("updated", userTask);
  }

  onTaskRemoved({ username, jobId }: UserTask, { stamp, reason, removedAt }: Removal): void {
    const { tombstoneHorizon } = this.#store;
    const at = instant(removedAt);
    this.#changes.push({
      kind: "removed",
      revision: stamp.revision,
      username,
      jobId,
      at,
      tombstoneHorizon,
      reason,
    });
  }

  #put(kind: HistoricJob["kind"], userTask: UserTask): void {
    const { username, jobId, stamp, changedAt } = userTask;
    const placed = preOrder(userTask.task);
    this.#changes.push({
      kind,
      revision: stamp.revision,
      username,
      jobId,
      at: instant(changedAt),
      tombstoneHorizon: this.#store.tombstoneHorizon,
      job: wireJob(userTask, placed),
      hidden: placed.map(({ task }) => hiddenOf(task)),
    });
  }
}

/** The store at each of its revisions. */
export class WireHistory {
  readonly #record: HistoryRecord;
  readonly #states: HeldJobs[] = [new Map()];
  readonly #byKey = new Map<string, RecordedChange[]>();

  constructor(record: HistoryRecord) {
    this.#record = record;
    for (const change of record.changes) this.#add(change);
  }

  get epoch(): string {
    return this.#record.epoch;
  }

  get revision(): number {
    return this.#record.changes.length;
  }

  /** The jobs at `revision` that pass the filter. */
  at(revision: number, filter: JobFilter): HeldJobs {
    const jobs = this.#states[revision] ?? new Map<string, HeldJob>();
    return new Map([...jobs].filter(([key]) => isThrough(key, filter)));
  }

  change(revision: number): RecordedChange | undefined {
    return this.#record.changes[revision - 1];
  }

  /** The tombstone horizon at `revision`. */
  tombstoneHorizonAt(revision: number): number {
    return this.change(revision)?.tombstoneHorizon ?? 0;
  }

  /** The changes of one job after revision `after`, up to and including `upTo`. */
  changesOf(key: string, after: number, upTo: number): RecordedChange[] {
    return (this.#byKey.get(key) ?? []).filter(({ revision }) => revision > after && revision <= upTo);
  }

  /** Keys of all jobs that ever existed and pass the filter. */
  keys(filter: JobFilter): string[] {
    return [...this.#byKey.keys()].filter((key) => isThrough(key, filter));
  }

  /** The revision of the latest change of a job at `revision`; 0 if it had none. */
  latestChange(key: string, revision: number): number {
    return this.changesOf(key, 0, revision).at(-1)?.revision ?? 0;
  }

  /** The revision of the latest change that passes the filter; 0 if there was none. */
  latestChangeOfAny(filter: JobFilter): number {
    return Math.max(0, ...this.keys(filter).map((key) => this.latestChange(key, this.revision)));
  }

  /** The revision at which the job of `revision` was stored. */
  storedAt(key: string, revision: number): number {
    return this.changesOf(key, 0, revision).findLast(({ kind }) => kind === "stored")?.revision ?? 0;
  }

  /** The number of changes of the job at `revision`; restarts at 1 after its removal is forgotten. */
  versionAt(key: string, revision: number): number {
    return this.#remembered(key, revision).length;
  }

  /** The number of times it was stored; restarts likewise. */
  attemptAt(key: string, revision: number): number {
    return this.#remembered(key, revision).filter(({ kind }) => kind === "stored").length;
  }

  /** Paths of the tasks whose state or sums changed after one revision, up to another. */
  changedPaths(key: string, after: number, upTo: number): Set<string> {
    const states = [this.changesOf(key, 0, after).at(-1), ...this.changesOf(key, after, upTo)];
    return new Set(states.flatMap((state, at) => (at === 0 ? [] : differing(states[at - 1], state))));
  }

  #remembered(key: string, revision: number): RecordedChange[] {
    const changes = this.changesOf(key, 0, revision);
    const first = changes.findLastIndex((change, at) => this.#isBegunAnew(changes[at - 1], change));
    return changes.slice(first);
  }

  /**
   * Whether the change started a new job: there was none, or its removal was already forgotten. Changes in one
   * batch may still see a removal that an earlier change of the batch makes forgotten.
   */
  #isBegunAnew(before: RecordedChange | undefined, change: RecordedChange): boolean {
    if (!before) return true;
    const mayBeForgotten =
      before.kind === "removed" && before.revision <= this.tombstoneHorizonAt(change.revision - 1);
    return mayBeForgotten && change.kind === "stored" && change.job.attempt === 1;
  }

  #add(change: RecordedChange): void {
    const key = wireKey(change);
    const jobs = new Map(this.#states.at(-1));
    if (change.kind === "removed") jobs.delete(key);
    else jobs.set(key, heldJob(change.job));
    this.#states.push(jobs);
    this.#byKey.set(key, [...(this.#byKey.get(key) ?? []), change]);
  }
}

function differing(before: RecordedChange | undefined, after: RecordedChange | undefined): string[] {
  const [old, now] = [tasksOf(before), tasksOf(after)];
  return [...now].flatMap(([path, task]) => (isDeepStrictEqual(task, old.get(path)) ? [] : [path]));
}

function tasksOf(change: RecordedChange | undefined): Map<string, unknown> {
  if (!change || change.kind === "removed") return new Map();
  const { job, hidden } = change;
  return new Map(job.tasks.map((task, at) => [task.path, [task, hidden[at]]]));
}

function isThrough(key: string, { username, jobId }: JobFilter): boolean {
  const [user, job] = JSON.parse(key) as [string, string]; // safe: `wireKey` has written it
  return (username ?? user) === user && (jobId ?? job) === job;
}

function wireJob(userTask: UserTask, placed: readonly LocatedTask[]): WireJob {
  const { username, jobId, attempt, version, stamp, health, cancelRequest } = userTask;
  return {
    username,
    jobId,
    attempt,
    version,
    revision: stamp.revision,
    health,
    cancelRequest: cancelRequest && { reason: cancelRequest.reason },
    tasks: placed.map(wireTask),
  };
}

function wireTask({ task, path }: LocatedTask): WireTask {
  const { kind, description, status, message, startedAt, endedAt } = task;
  const { done, volume, knownVolume } = progressOf(task);
  return {
    path,
    kind,
    description,
    status,
    message,
    startedAt: startedAt === null ? null : instant(startedAt),
    endedAt: endedAt === null ? null : instant(endedAt),
    currentIteration: task.kind === "ITERATIVE" ? currentIteration(task) : null,
    progress: { done, volume, knownVolume },
  };
}

function hiddenOf(task: Task): string {
  const { unknownCount, taskCount, isExcluded } = task;
  const iterations = task.kind === "ITERATIVE" ? [task.begunIterations, task.finishedSubTasks] : [];
  return [unknownCount, taskCount, isExcluded, ...iterations].join(" ");
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
