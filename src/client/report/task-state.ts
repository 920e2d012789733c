/**
 * What the worker knows of one task, and what of it has been said. A tick changes a number here and nothing else; what
 * there is to report is the difference, and so never more than the tree, however long nobody listens.
 *
 *     PENDING ─► RUNNING ─► FINISHED, FAILED or CANCELED
 *
 * It goes the same way as on the server: what runs below a task that ends, ends with it, and what is pending there is
 * over. So nothing is ever reported that the server would have to refuse.
 */
import type { IterationMode, TaskInput, TaskStatus } from "../generated/graphql.js";
import { toTaskInput, type TaskDeclaration } from "./task-declaration.js";
import { truncateMessage, toWholeNumber } from "./input-values.js";

/** How a task can end. */
export type EndStatus = Exclude<TaskStatus, "PENDING" | "RUNNING">;

/** Whoever is told that a tree has something to say. */
export interface TaskStateListener {
  /** Something has changed since the last report was made; `isUrgent`: a task has begun or ended. */
  onChanged(isUrgent: boolean): void;
  /** Tasks were added below a task that has been announced. */
  onSubTasksAdded(parent: TaskState): void;
}

/** What has been reported of a task, or is on its way. */
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
  /** In order; of what repeats only those that were asked for, so there may be holes. */
  readonly subTasks: TaskState[] = [];
  reported: ReportedState;

  status: TaskStatus = "PENDING";
  /** Units of work; what was counted after the end is not reported. */
  done = 0;
  /** So that all ticks but the first after a report find nothing to do. */
  hasTicked = false;
  volume: number | undefined;
  message = "";
  /** The iteration that has begun, from 1; 0 before. */
  iteration = 0;
  /** Here or below there is something to report. */
  isDirty = false;
  /** Ended, or left out by the end of a task above: it changes no more. */
  hasEnded = false;
  /** The server has been told, or is being told, that there is such a task. */
  isAnnounced = false;
  readonly #owner: TaskStateListener;
  #doneAtEnd: number | undefined;

  constructor(spec: TaskDeclaration, owner: TaskStateListener, parent?: TaskState, index = 0) {
    this.spec = spec;
    this.#owner = owner;
    this.parent = parent;
    this.path = pathBelow(parent, index);
    this.volume = declaredVolume(spec);
    this.reported = nothingReported(spec);
    if (spec.kind === "PARENT") {
      this.subTasks = spec.subTasks.map((subTask, place) => new TaskState(subTask, owner, this, place));
    }
  }

  /** Units of work to report. */
  get doneToReport(): number {
    return this.#doneAtEnd ?? toWholeNumber(this.done) ?? 0;
  }

  /** The first tick since a report. @throws TypeError for what is no leaf. */
  ticked(): void {
    if (this.spec.kind !== "LEAF") throw this.#misused("is no leaf: report on the leaves below it");
    this.hasTicked = true;
    if (this.hasEnded) return;
    this.begin();
    this.#touch(false);
  }

  begin(): void {
    if (this.hasEnded || this.status !== "PENDING") return;
    this.parent?.begin();
    this.status = "RUNNING";
    this.#touch(true);
  }

  /** Ends it, and what runs below it; `message` is the reason. */
  end(status: EndStatus, message?: string): void {
    if (this.hasEnded) return;
    if (message !== undefined) this.message = truncateMessage(message);
    this.begin();
    this.#close(status);
  }

  setVolume(volume: number): void {
    if (this.spec.kind !== "LEAF")
      throw this.#misused("is no leaf: its volume is that of the leaves below it");
    if (this.hasEnded) return;
    this.volume = toWholeNumber(volume) ?? this.volume;
    this.#touch(false);
  }

  setMessage(message: string): void {
    if (this.hasEnded) return;
    this.message = truncateMessage(message);
    this.#touch(false);
  }

  /** Begins the next iteration and ends the one before it; returns its number, from 1. */
  beginIteration(): number {
    const { length } = this.#template();
    if (this.iteration >= this.iterationsMax) {
      throw this.#misused(`has ${this.iterationsMax} iterations at most, and all have begun`);
    }
    this.begin();
    for (const subTask of this.subTasks.slice(0, this.iteration * length)) subTask?.settle("FINISHED");
    this.iteration += 1;
    this.#touch(true);
    return this.iteration;
  }

  get iterationsMax(): number {
    return (this.spec.kind === "ITERATIVE" ? this.spec.max : undefined) ?? Infinity;
  }

  /** The tasks below that there are now; of what repeats, those of all iterations known. */
  get subTaskCount(): number {
    if (this.spec.kind !== "ITERATIVE") return this.subTasks.length;
    return this.spec.tasks.length * (this.spec.max ?? this.iteration);
  }

  /** @throws TypeError where there is none. */
  subTask(index: number): TaskState {
    if (!(index >= 0 && index < this.subTaskCount)) {
      throw this.#misused(`has ${this.subTaskCount} tasks below it; there is none with index ${index}`);
    }
    return (this.subTasks[index] ??= this.#repeated(index));
  }

  /** The index of the first with this description among those from index `from` on; undefined where there is none. */
  indexOf(
    description: string,
    from = 0,
    isWanted: (subTask: TaskState) => boolean = () => true,
  ): number | undefined {
    for (let index = from; index < this.subTaskCount; index++) {
      const subTask = this.subTask(index);
      if (subTask.spec.description === description && isWanted(subTask)) return index;
    }
    return undefined;
  }

  /** Appends a task. @throws TypeError where none can be. */
  add(spec: TaskDeclaration): TaskState {
    if (this.spec.kind !== "PARENT") throw this.#misused("can't be added to: declare it with task()");
    if (this.hasEnded) throw this.#misused("has ended and can't be added to");
    if (this.#isWithin("OPEN"))
      throw this.#misused("is repeated an open number of times and can't be added to");
    const added = new TaskState(spec, this.#owner, this, this.subTasks.length);
    this.subTasks.push(added);
    if (this.isAnnounced) this.#owner.onSubTasksAdded(this);
    this.#touch(true);
    return added;
  }

  /** The tree from here on as the server takes it; from now on it is announced. */
  announce(): TaskInput {
    this.isAnnounced = true;
    this.reported.volume = this.volume;
    const subTasks = this.spec.kind === "PARENT" ? this.subTasks.map((subTask) => subTask.announce()) : [];
    return toTaskInput(this.spec, this.volume, subTasks);
  }

  /** All that there is to say is to be said again, from here on down. */
  resetReported(): void {
    this.reported = nothingReported(this.spec);
    this.isDirty = true;
    this.subTasks.forEach((subTask) => subTask.resetReported());
  }

  /** What becomes of it when the task above it, or its iteration, is over. */
  settle(status: EndStatus): void {
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

  /** What is counted from now on is not reported. */
  #freeze(): void {
    this.hasEnded = true;
    this.#doneAtEnd = this.doneToReport;
  }

  #settleBelow(status: EndStatus): void {
    for (const subTask of this.subTasks) if (subTask && !subTask.hasEnded) subTask.settle(status);
  }

  #touch(isUrgent: boolean): void {
    this.#markDirty();
    this.#owner.onChanged(isUrgent);
  }

  /** What is above a dirty task is dirty. */
  #markDirty(): void {
    if (this.isDirty) return;
    this.isDirty = true;
    if (this.parent) this.parent.#markDirty();
  }

  #repeated(index: number): TaskState {
    const template = this.#template();
    const subTask = new TaskState(template[index % template.length]!, this.#owner, this, index);
    subTask.announce(); // with the task that repeats it
    if (this.hasEnded || index < (this.iteration - 1) * template.length) subTask.#freeze();
    return subTask;
  }

  #template(): readonly TaskDeclaration[] {
    if (this.spec.kind !== "ITERATIVE") throw this.#misused("has no iterations: declare it with iterative()");
    return this.spec.tasks;
  }

  #isWithin(mode: IterationMode): boolean {
    if (this.spec.kind === "ITERATIVE" && this.spec.mode === mode) return true;
    return this.parent !== undefined && this.parent.#isWithin(mode);
  }

  #misused(what: string): TypeError {
    return new TypeError(`Task ${JSON.stringify(this.spec.description)} ${what}.`);
  }
}

/** A task as it is declared. */
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
