import { badUserInput } from "../../protocol/tidemark-error.js";
import type { PlatformSignal } from "../platform.js";
import { eventLoop, inTurns } from "./event-loop.js";
import { isUnits, quoted } from "./input-values.js";
import {
  findFree,
  iterationOf,
  onlyLeafOf,
  severalLeaves,
  selectTask,
  allSubTasks,
  takeTask,
  type TaskSelector,
} from "./select-task.js";
import type { JobSync } from "./job-sync.js";
import { checkDeclaration, leaf, type TaskDeclaration } from "./task-declaration.js";
import { taskLog, type TaskLog } from "./task-log.js";
import type { TaskState } from "./task-state.js";
import { failureReason } from "./failure-reason.js";
import { checkTrackable, track, type Trackable, type Tracked } from "./track.js";

/** The part of a job that its tasks use. */
export interface TaskScope {
  /** Aborted when the job is canceled. */
  readonly signal: PlatformSignal;
  readonly sync: Pick<JobSync, "log" | "warn">;
}

/** Options of `track`. */
export interface TrackOptions {
  /** The number of items. Default: the `length` or `size` of the iterable, or unknown if it has neither. */
  readonly volume?: number | undefined;
}

/**
 * One task of a running job. Its methods never wait for the server, and throw only on misuse.
 *
 *     await task.run("load", async (load) => {
 *       for (const row of rows) load.advance();
 *     });
 */
export class TaskHandle {
  readonly #state: TaskState;
  readonly #scope: TaskScope;

  /** @internal Called by the job. */
  constructor(state: TaskState, scope: TaskScope) {
    this.#state = state;
    this.#scope = scope;
  }

  /** The name that the task was declared with. */
  get description(): string {
    return this.#state.spec.description;
  }

  /** The position in the tree: child indexes from 0, joined by dots, such as `0.2`. Empty for the root. */
  get path(): string {
    return this.#state.path;
  }

  /** Aborted when the job is canceled. Its reason is a `JobCanceled`. */
  get signal(): PlatformSignal {
    return this.#scope.signal;
  }

  /** The log of the job. Each line that is written here names this task. */
  get log(): TaskLog {
    return taskLog((level, message) => this.#scope.sync.log(this.#state, level, message));
  }

  /**
   * Adds completed units of work, by default 1. Starts the task if necessary. A value that is not a number from 0 is
   * ignored, and `onError` receives the first.
   * @throws TypeError if the task is not a leaf.
   */
  advance(units = 1): void {
    const state = this.#state;
    if (!state.hasTicked) state.ticked(); // first, as it throws
    if (isUnits(units)) state.done += units;
    else this.#accepts("advance", units); // not at first, as ticks are hot
  }

  /**
   * Sets the total of completed units. Starts the task if necessary. A total below the current one is ignored, and so is a
   * value that is not a number from 0; `onError` receives the first of these.
   * @throws TypeError if the task is not a leaf.
   */
  set(units: number): void {
    const state = this.#state;
    if (!state.hasTicked) state.ticked(); // first, as it throws
    if (this.#accepts("set", units) && units > state.done) state.done = units;
  }

  /**
   * Sets how much is done as a fraction, from 0 to 1: of the volume, or of 1,000 units if there is none. A task with
   * exactly one leaf passes it on to that leaf, and a task without any subtasks adds one. A lower fraction than before is
   * ignored, and so is a value that is not a fraction, such as 40 for 40%; `onError` receives the first of these.
   *
   *     job.progress(0.4); // 40%
   *
   * @throws TypeError if the task has several leaves: their progress is its progress.
   */
  progress(fraction: number): void {
    if (!this.#accepts("progress", fraction, 1)) return;
    const state = this.#onlyLeaf((name) => `sub(${name}).progress(0.4)`);
    if (state.volume === undefined) state.setVolume(PROGRESS_UNITS);
    const units = fraction * (state.volume ?? 0); // a leaf that has ended takes no volume
    this.#handleOf(state).set(Number(units.toFixed(6))); // 0.57 * 100 is below 57
  }

  /**
   * Sets the number of units in total, once it is known or known more exactly. A value that is not a number from 0 is
   * ignored, and `onError` receives the first.
   * @throws TypeError if the task is not a leaf.
   */
  volume(units: number): void {
    this.#state.setVolume(units);
    this.#accepts("volume", units);
  }

  /** Sets the current message of the task, shortened to 4,096 bytes, or to the limit of the server. An empty text clears it. */
  message(text: string): void {
    this.#state.setMessage(text);
  }

  /**
   * Returns a subtask by its description or by its index from 0. If several have the same description, the first that
   * has not ended.
   * @throws TypeError if there is no such subtask.
   */
  sub(selector: TaskSelector): TaskHandle {
    return this.#handleOf(selectTask(allSubTasks(this.#state), selector));
  }

  /**
   * Appends subtasks, also while the task runs, and returns them in order.
   *
   *     const [page] = crawl.add(leaf("index.html"));
   *
   * @throws TypeError if the task was not declared with `task()`, is part of an OPEN iteration, or has ended; and for a value
   * that is not a declaration.
   */
  add(...specs: readonly TaskDeclaration[]): TaskHandle[] {
    specs.forEach(checkDeclaration);
    return specs.map((spec) => this.#handleOf(this.#state.add(spec)));
  }

  /** Starts the task and the tasks above it. Has no effect if it has already started. */
  begin(): void {
    this.#state.begin();
  }

  /** Ends the task and its running subtasks as FINISHED, and completes a leaf. Has no effect after its end. */
  finish(): void {
    this.#state.end("FINISHED");
  }

  /** Ends the task and its running subtasks as FAILED, with the messages of the error and its causes. Has no effect after
   * its end. */
  fail(error: unknown): void {
    this.#state.end("FAILED", failureReason(error));
  }

  /** Ends the task and its running subtasks as CANCELED, with `reason` as the message. Has no effect after its end. */
  cancel(reason?: string): void {
    this.#state.end("CANCELED", reason);
  }

  /** @internal A loop over the task was left early. */
  leave(): void {
    this.#state.isLeft = true;
  }

  /**
   * Starts the task, calls `work` and ends the task: FINISHED if `work` returns, CANCELED if it throws after the job
   * was canceled, otherwise FAILED with the error's message. Returns the result of `work`, or throws its error.
   * @throws TypeError if the task has already ended. If only a task above has, `work` runs without being reported.
   */
  run<Result>(work: Work<Result>): Promise<Result>;
  /**
   * Runs a subtask: starts it, calls `work` and ends it, like `run` without a selector. If several subtasks have the same
   * description, each run takes the next one.
   *
   *     await root.run("load", async (load) => load.advance(await loadRows()));
   *
   * @throws TypeError if there is no such subtask, or each one of this description has been started.
   */
  run<Result>(selector: TaskSelector, work: Work<Result>): Promise<Result>;
  async run<Result>(...args: [Work<Result>] | [selector: TaskSelector, work: Work<Result>]): Promise<Result> {
    const work = args.at(-1);
    if (typeof work !== "function")
      throw new TypeError(`Invalid work ${quoted(work)} of run(): expected a function.`);
    if (args.length === 2) return this.#handleOf(takeTask(allSubTasks(this.#state), args[0])).run(args[1]);
    this.#state.take();
    try {
      const result = await args[0](this);
      this.finish();
      return result;
    } catch (error) {
      this.#endBy(error);
      throw error;
    } finally {
      if (eventLoop.isTurnDue) await eventLoop.turn();
    }
  }

  /**
   * Wraps an iterable so that a loop over it reports its progress, one unit per item. Without a description, this task
   * counts, or its only leaf; a task without any subtasks adds one. With a description, the first leaf of that name below
   * this task counts that no run and no other loop has taken; if there is none, it is added.
   *
   *     for await (const row of task.track(rows, "Import")) await insert(row);
   *
   * A loop that computes blocks the event loop, so nothing is reported meanwhile. `for await` lets timers and sockets run
   * every 10 ms. A plain `for` loop can't: use it only for loops that take less than a second.
   *
   * The leaf ends with the iterable. If the loop exits early, the leaf keeps running until a task above it ends. If the
   * job is canceled, the next iteration of the loop throws.
   *
   * @throws TypeError without a description, if this task has several leaves or has ended; with one, if the leaf can't be
   * added.
   */
  track<Item>(items: Iterable<Item>, description?: string, options?: TrackOptions): Tracked<Item>;
  /** Wraps an asynchronous iterable for a `for await` loop, like `track` of an iterable. */
  track<Item>(items: AsyncIterable<Item>, description?: string, options?: TrackOptions): AsyncIterable<Item>;
  track<Item>(
    items: Trackable<Item>,
    description?: string,
    options: TrackOptions = {},
  ): Tracked<Item> | AsyncIterable<Item> {
    checkTrackable(items); // first, as the leaf may be added
    const state =
      description === undefined
        ? this.#onlyLeaf((name) => `track(items, ${name})`)
        : this.#freeLeaf(description);
    const tracked = track(this.#handleOf(state), items, {
      onStart: () => state.take(),
      volume: options.volume,
    });
    state.isTaken = true; // at once, so that the next loop takes another one
    return tracked;
  }

  /**
   * Starts the next iteration and ends the previous one.
   * @throws TypeError if the task was not declared with `iterative()`, or all its iterations have started.
   */
  next(): Iteration {
    const number = this.#state.beginIteration();
    const subTasks = iterationOf(this.#state);
    return new Iteration(number, this, (select, selector) => this.#handleOf(select(subTasks, selector)));
  }

  /**
   * Starts one iteration after another, up to the declared maximum. To stop sooner, leave the loop. If the job is
   * canceled, the next iteration throws. Use `for await` if the iterations compute, as for `track`.
   *
   *     for (const iteration of task.iterations()) await iteration.run("step", (step) => step.advance());
   */
  iterations(): Tracked<Iteration> {
    const start = (): Iterator<Iteration, void, undefined> => this.#startIterations();
    return {
      [Symbol.iterator]: start,
      [Symbol.asyncIterator]: () => inTurns({ [Symbol.iterator]: start }),
    };
  }

  *#startIterations(): Generator<Iteration, void, undefined> {
    while (this.#state.iteration < this.#state.iterationsMax && !this.#state.hasEnded) {
      this.signal.throwIfAborted();
      yield this.next();
    }
  }

  #freeLeaf(description: string): TaskState {
    return findFree(allSubTasks(this.#state), description) ?? this.#state.add(leaf(description));
  }

  /**
   * The leaf that stands for this task: itself, its only leaf, or one that is added to a task without subtasks.
   * @param call what to call instead on the task, or on an iteration of it, given the name of a task below
   */
  #onlyLeaf(call: (name: string) => string): TaskState {
    const state = this.#state;
    if (state.spec.kind === "PARENT" && state.subTasks.length === 0) return state.add(leaf(this.description));
    const found = onlyLeafOf(state);
    if (found) return found;
    throw severalLeaves(state, call);
  }

  /** Whether a value is a number from 0 to `max`. Any other value is ignored, with a warning. */
  #accepts(method: string, value: unknown, max = Infinity): boolean {
    if (isUnits(value) && value <= max) return true;
    const expected = max === 1 ? "a fraction from 0 to 1, such as 0.4 for 40%" : "a number from 0";
    const call = `${method}(${quoted(value)})`;
    const problem = `Ignored ${call} of task ${quoted(this.description)}: expected ${expected}.`;
    this.#scope.sync.warn(badUserInput(problem), "value");
    return false;
  }

  #endBy(error: unknown): void {
    if (this.signal.aborted) this.cancel(failureReason(this.signal.reason));
    else this.fail(error);
  }

  #handleOf(state: TaskState): TaskHandle {
    return new TaskHandle(state, this.#scope);
  }
}

/** The volume of a leaf that reports a fraction and has no other volume. */
const PROGRESS_UNITS = 1_000;

/** The work of a task. */
export type Work<Result> = (task: TaskHandle) => Result | PromiseLike<Result>;

/** Selects a task of an iteration. */
type SelectInIteration = (select: typeof selectTask, selector: TaskSelector) => TaskHandle;

/** One iteration of an iterative task. It ends when the next iteration starts or the iterative task ends. */
export class Iteration {
  /** The number of the iteration, from 1. */
  readonly number: number;
  readonly #task: TaskHandle;
  readonly #select: SelectInIteration;

  /** @internal Called by `Task.next`. */
  constructor(number: number, task: TaskHandle, select: SelectInIteration) {
    this.number = number;
    this.#task = task;
    this.#select = select;
  }

  /** Aborted when the job is canceled. Its reason is a `JobCanceled`. */
  get signal(): PlatformSignal {
    return this.#task.signal;
  }

  /** The log of the job. Each line that is written here names the iterative task. */
  get log(): TaskLog {
    return this.#task.log;
  }

  /**
   * Returns a task of this iteration by its description or by its index from 0. If several have the same description,
   * the first that has not ended.
   * @throws TypeError if there is no such task.
   */
  sub(selector: TaskSelector): TaskHandle {
    return this.#select(selectTask, selector);
  }

  /**
   * Runs a task of this iteration, like `Task.run`.
   * @throws TypeError if there is no such task, each one of this description has been started, or the next iteration has.
   */
  async run<Result>(selector: TaskSelector, work: Work<Result>): Promise<Result> {
    return this.#select(takeTask, selector).run(work);
  }

  /** Counts the items of a loop on a leaf of this iteration, like `Task.track`. @throws TypeError as `run` does. */
  track<Item>(items: Iterable<Item>, selector: TaskSelector, options?: TrackOptions): Tracked<Item>;
  /** Counts the items of a `for await` loop on a leaf of this iteration, like `Task.track`. */
  track<Item>(
    items: AsyncIterable<Item>,
    selector: TaskSelector,
    options?: TrackOptions,
  ): AsyncIterable<Item>;
  track<Item>(
    items: Trackable<Item>,
    selector: TaskSelector,
    options?: TrackOptions,
  ): Tracked<Item> | AsyncIterable<Item> {
    // Safe: each overload handles its kind of `items`, but overloads can't be called with a union.
    return this.#select(takeTask, selector).track(items as Iterable<Item>, undefined, options);
  }
}
