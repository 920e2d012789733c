/**
 * The state of one task: its current values, and those last reported. A tick only changes a number. A report contains
 * the difference, so unsent changes never need more memory than the tree, however long the server is unreachable.
 *
 *     PENDING ─► RUNNING ─► FINISHED, FAILED or CANCELED
 *
 * The transitions are those of the server: when a task ends, its running subtasks end with it, and pending ones can't
 * start any more. Reports therefore never contain a transition that the server would reject.
 */
import type { IterationMode, TaskInput, TaskStatus } from "../generated/graphql.js";
import { toTaskInput, type TaskDeclaration } from "./task-declaration.js";
import { jsonBytes } from "../transport/server-limits.js";
import { TASK_BYTES, type TreePart } from "./tree-part.js";
import { quoted, truncateMessage, toWholeNumber } from "./input-values.js";

/** How a task can end. */
export type EndStatus = Exclude<TaskStatus, "PENDING" | "RUNNING">;

export interface TaskStateListener {
  /** A task changed since the last report. `isUrgent`: a task started or ended. */
  onChanged(isUrgent: boolean): void;
  /** Subtasks were added to an announced task. */
  onSubTasksAdded(parent: TaskState): void;
}

/** The values of a task that have been reported or are in flight. */
interface ReportedState {
  status: TaskStatus;
  done: number;
  volume: number | undefined;
  message: string;
  iteration: number;
}

export class TaskState {
  readonly spec: TaskDeclaration;
  /** Child indexes from the root on, joined by dots; empty for the root. */
  readonly path: string;
  readonly parent: TaskState | undefined;
  /** In order. Those of an iterative task are created on demand, so the array may have holes. */
  readonly subTasks: TaskState[] = [];
  reported: ReportedState;

  status: TaskStatus = "PENDING";
  /** Units of work. Units counted after the end are not reported. */
  done = 0;
  /** Whether it ticked since the last report. Further ticks then return early. */
  hasTicked = false;
  volume: number | undefined;
  message = "";
  /** The current iteration, from 1; 0 before the first. */
  iteration = 0;
  /** Whether this task or one below it has unreported changes. */
  isDirty = false;
  /** Whether it ended, or was skipped because a task above ended. It then never changes again. */
  hasEnded = false;
  /** Whether a run or a loop reports its work on this task, or has. */
  isTaken = false;
  /** Whether a loop over it was left early: if it finishes with the task above, it has no more units than were counted. */
  isLeft = false;
  /** Whether the server knows the task, or the request to create it is in flight. */
  isAnnounced = false;
  readonly #owner: TaskStateListener;
  #doneAtEnd: number | undefined;
  #iterationAtEnd: number | undefined;

  constructor(spec: TaskDeclaration, owner: TaskStateListener, parent?: TaskState, index = 0) {
    this.spec = spec;
    this.#owner = owner;
    this.parent = parent;
    this.path = pathBelow(parent, index);
    this.volume = declaredVolume(spec);
    this.reported = nothingReported(spec);
    if (spec.kind === "PARENT") {
      this.subTasks = spec.subTasks.map((subTask, at) => new TaskState(subTask, owner, this, at));
    }
  }

  /** Units of work to report. */
  get doneToReport(): number {
    return this.#doneAtEnd ?? toWholeNumber(this.done) ?? 0;
  }

  /** The iteration to report. */
  get iterationToReport(): number {
    return this.#iterationAtEnd ?? this.iteration;
  }

  /** The first tick since a report. @throws TypeError if the task is not a leaf. */
  ticked(): void {
    this.#requireLeaf();
    this.hasTicked = true;
    if (this.hasEnded) return;
    this.begin();
    this.#touch(false);
  }

  /**
   * Starts the task for a run or a loop. If a task above has ended, the work goes on without being reported, because it
   * may be what is left of a failed or canceled one.
   * @throws TypeError if the task itself or its iteration has ended: the work could not be reported.
   */
  take(): void {
    this.#rejectEnded();
    this.isTaken = true;
    this.begin();
  }

  begin(): void {
    if (this.hasEnded || this.status !== "PENDING") return;
    this.parent?.begin();
    this.status = "RUNNING";
    this.#touch(true);
  }

  /** Ends the task and its running subtasks. `message` is the reason. */
  end(status: EndStatus, message?: string): void {
    if (this.hasEnded) return;
    if (message !== undefined) this.message = truncateMessage(message);
    this.begin();
    this.#close(status);
  }

  setVolume(volume: number): void {
    this.#requireLeaf();
    if (this.hasEnded) return;
    this.volume = toWholeNumber(volume) ?? this.volume;
    this.#touch(false);
  }

  setMessage(message: string): void {
    if (this.hasEnded) return;
    this.message = truncateMessage(message);
    this.#touch(false);
  }

  /**
   * Starts the next iteration, ends the previous one, and returns the new number, from 1. If a task above has ended, the
   * work goes on without being reported.
   * @throws TypeError if the task has no further iterations, or has ended.
   */
  beginIteration(): number {
    const { length } = this.#template();
    if (this.iteration >= this.iterationsMax) {
      throw this.#misused(
        `has started all of its ${this.iterationsMax} iterations. Declare a larger \`max\``,
      );
    }
    this.#rejectEnded();
    this.begin();
    for (const subTask of this.subTasks.slice(0, this.iteration * length)) subTask?.settle("FINISHED");
    this.iteration += 1;
    if (!this.hasEnded) this.#touch(true);
    return this.iteration;
  }

  /** The path of this task, or of the nearest one above it that the server knows. */
  get reportedPath(): string {
    const { parent } = this;
    if (!parent) return "";
    const above = parent.reportedPath;
    const isKnown =
      above === parent.path && this.isAnnounced && (this.#ownIteration ?? 0) <= parent.#iterationsKnown;
    return isKnown ? this.path : above;
  }

  /** The number of iterations that the server knows: all, if their maximum was declared. */
  get #iterationsKnown(): number {
    return this.iterationsMax < Infinity ? Infinity : this.reported.iteration;
  }

  get iterationsMax(): number {
    return (this.spec.kind === "ITERATIVE" ? this.spec.max : undefined) ?? Infinity;
  }

  /** The number of subtasks. For an iterative task, those of all known iterations. */
  get subTaskCount(): number {
    if (this.spec.kind !== "ITERATIVE") return this.subTasks.length;
    return this.spec.tasks.length * (this.spec.max ?? this.iteration);
  }

  /** The task at a path below this one, which must exist. */
  at(path: string): TaskState {
    return path ? path.split(".").reduce<TaskState>((above, index) => above.subTasks[+index]!, this) : this;
  }

  /** @param index below `subTaskCount`. */
  subTask(index: number): TaskState {
    return (this.subTasks[index] ??= this.#repeated(index));
  }

  /** Appends a subtask. @throws TypeError if this task can't have more. */
  add(spec: TaskDeclaration): TaskState {
    if (this.spec.kind !== "PARENT") throw this.#misused("can't have subtasks. Declare it with task()");
    if (this.hasEnded) throw this.#misused("has ended. Add subtasks before its end");
    if (this.#isWithin("OPEN"))
      throw this.#misused("is in an OPEN iteration. Declare its subtasks with iterative()");
    const added = new TaskState(spec, this.#owner, this, this.subTasks.length);
    this.subTasks.push(added);
    if (this.isAnnounced) this.#owner.onSubTasksAdded(this);
    this.#touch(true);
    return added;
  }

  /** Marks this subtree as announced and returns it as the server's input. Subtasks that do not fit are added later. */
  announce(part: TreePart): TaskInput {
    const { spec, volume } = this;
    this.isAnnounced = true;
    this.reported.volume = volume;
    const input = toTaskInput(spec, volume, part.limits);
    part.bytesLeft -= TASK_BYTES + jsonBytes(input);
    if (spec.kind === "ITERATIVE") this.#announceDeclared();
    const subTasks = spec.kind === "PARENT" ? this.announceSubTasks(part, this.subTasks) : [];
    return subTasks.length > 0 ? { ...input, subTasks } : input;
  }

  /** At least one, because the server takes a task that it receives without subtasks for a leaf. */
  announceSubTasks(part: TreePart, subTasks: readonly TaskState[]): TaskInput[] {
    const announced: TaskInput[] = [];
    for (const subTask of subTasks) {
      if (announced.length > 0 && part.bytesLeft < 0) break;
      announced.push(subTask.announce(part));
    }
    if (announced.length < subTasks.length) this.#owner.onSubTasksAdded(this);
    return announced;
  }

  /** An iterative task announces the tasks of all its iterations as declared. Tasks that were added are added later. */
  #announceDeclared(): void {
    const declaredCount = this.spec.kind === "PARENT" ? this.spec.subTasks.length : Infinity;
    this.isAnnounced = true;
    this.subTasks.forEach((subTask, index) => index < declaredCount && subTask.#announceDeclared());
    if (this.subTasks.length > declaredCount) this.#owner.onSubTasksAdded(this);
  }

  /** Marks this subtree as unknown to the server, so that everything is sent again. */
  resetReported(): void {
    this.reported = nothingReported(this.spec);
    this.isDirty = true;
    this.isAnnounced = false;
    this.subTasks.forEach((subTask) => subTask.resetReported());
  }

  /** Ends the task because the task above it or its iteration has ended. */
  settle(status: EndStatus): void {
    if (this.isLeft && status === "FINISHED") this.volume = this.doneToReport;
    if (this.status === "RUNNING") return this.#close(status);
    this.#freeze();
    this.#settleBelow(status);
  }

  #close(status: EndStatus): void {
    this.status = status;
    this.#freeze();
    this.#settleBelow(status);
    this.#touch(true);
  }

  #freeze(): void {
    this.hasEnded = true;
    this.#doneAtEnd = this.doneToReport;
    this.#iterationAtEnd = this.iteration;
  }

  #settleBelow(status: EndStatus): void {
    for (const subTask of this.subTasks) if (subTask && !subTask.hasEnded) subTask.settle(status);
  }

  #touch(isUrgent: boolean): void {
    this.#markDirty();
    this.#owner.onChanged(isUrgent);
  }

  /** The tasks above a dirty task are dirty too. */
  #markDirty(): void {
    if (this.isDirty) return;
    this.isDirty = true;
    if (this.parent) this.parent.#markDirty();
  }

  #repeated(index: number): TaskState {
    const template = this.#template();
    const subTask = new TaskState(template[index % template.length]!, this.#owner, this, index);
    if (this.isAnnounced) subTask.#announceDeclared();
    if (this.hasEnded || index < (this.iteration - 1) * template.length) subTask.settle("CANCELED");
    return subTask;
  }

  #template(): readonly TaskDeclaration[] {
    if (this.spec.kind !== "ITERATIVE") throw this.#misused("has no iterations. Declare it with iterative()");
    return this.spec.tasks;
  }

  /** @throws TypeError if the task or its iteration has ended: work on it could not be reported. */
  #rejectEnded(): void {
    const ended = this.#topmostEnded();
    const isPast = ended?.parent && (ended.#ownIteration ?? Infinity) < ended.parent.iteration;
    if (ended === this || isPast) {
      throw this.#misused("has ended. Declare one for each run");
    }
  }

  #topmostEnded(): TaskState | undefined {
    const above = this.parent && this.parent.#topmostEnded();
    return above ?? (this.hasEnded ? this : undefined);
  }

  /** The iteration that this task belongs to, from 1; undefined if the task above is not iterative. */
  get #ownIteration(): number | undefined {
    const { spec, subTasks } = this.parent ?? {};
    return spec?.kind === "ITERATIVE"
      ? Math.floor(subTasks!.indexOf(this) / spec.tasks.length) + 1
      : undefined;
  }

  #isWithin(mode: IterationMode): boolean {
    if (this.spec.kind === "ITERATIVE" && this.spec.mode === mode) return true;
    return this.parent !== undefined && this.parent.#isWithin(mode);
  }

  #requireLeaf(): void {
    if (this.spec.kind !== "LEAF") throw this.#misused("is not a leaf. Report progress on its leaves");
  }

  #misused(problem: string): TypeError {
    return new TypeError(`Task ${quoted(this.spec.description)} ${problem}.`);
  }
}

function nothingReported(spec: TaskDeclaration): ReportedState {
  return { status: "PENDING", done: 0, volume: declaredVolume(spec), message: "", iteration: 0 };
}

function declaredVolume(spec: TaskDeclaration): number | undefined {
  return spec.kind === "LEAF" ? toWholeNumber(spec.volume) : undefined;
}

function pathBelow(parent: TaskState | undefined, index: number): string {
  if (!parent) return "";
  return parent.path === "" ? `${index}` : `${parent.path}.${index}`;
}
