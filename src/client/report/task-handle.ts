import type { LogLevel } from "../generated/graphql.js";
import type { TaskDeclaration } from "./task-declaration.js";
import { leaf } from "./task-declaration.js";
import type { TaskState } from "./task-state.js";
import { truncateMessage, errorMessage } from "./input-values.js";
import { track, type Trackable, type Tracked } from "./track.js";

/** The part of a job that its tasks use. */
export interface TaskScope {
  /** Aborted when the job is canceled. */
  readonly signal: AbortSignal;
  log(level: LogLevel, path: string, message: string): void;
}

/** Writes to the job's log. Messages are shortened to 4,096 bytes, or to the limit of the server; at most 100 lines wait for an unreachable server. */
export interface TaskLog {
  /** Adds a line with details for debugging. */
  debug(message: string): void;
  /** Adds a line of general interest. */
  info(message: string): void;
  /** Adds a line about a problem that deserves attention. */
  warning(message: string): void;
  /** Adds a line about an error. The task continues; use `fail` to end it. */
  error(message: string): void;
}

/** Options of `track`. */
export interface TrackOptions {
  /** The number of items. Default: the `length` or `size` of the iterable, or unknown if it has neither. */
  readonly volume?: number | undefined;
}

/** Selects a task by its description, where the first match wins, or by its index from 0. */
export type TaskSelector = string | number;

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

  /** Called by the job. */
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
  get signal(): AbortSignal {
    return this.#scope.signal;
  }

  /** The log of the job. Each line that is written here names this task. */
  get log(): TaskLog {
    const line = (level: LogLevel) => (message: string) =>
      this.#scope.log(level, this.path, truncateMessage(message));
    return { debug: line("DEBUG"), info: line("INFO"), warning: line("WARNING"), error: line("ERROR") };
  }

  /**
   * Adds completed units of work, by default 1. Starts the task if necessary. Zero and negative numbers are ignored.
   * @throws TypeError if the task is not a leaf.
   */
  advance(units = 1): void {
    const state = this.#state;
    if (units > 0) state.done += units;
    if (!state.hasTicked) state.ticked();
  }

  /**
   * Sets the total of completed units. Starts the task if necessary. A total below the current one is ignored.
   * @throws TypeError if the task is not a leaf.
   */
  set(units: number): void {
    const state = this.#state;
    if (units > state.done) state.done = units;
    if (!state.hasTicked) state.ticked();
  }

  /**
   * Sets the number of units in total, once it is known or known more exactly.
   * @throws TypeError if the task is not a leaf.
   */
  volume(units: number): void {
    this.#state.setVolume(units);
  }

  /** Sets the current message of the task, shortened to 4,096 bytes, or to the limit of the server. An empty text clears it. */
  message(text: string): void {
    this.#state.setMessage(text);
  }

  /**
   * Returns a subtask by its description, where the first match wins, or by its index from 0.
   * @throws TypeError if there is no such subtask.
   */
  sub(selector: TaskSelector): TaskHandle {
    const index = typeof selector === "number" ? selector : this.#state.indexOf(selector);
    if (index === undefined) {
      throw new TypeError(
        `Task ${JSON.stringify(this.description)} has no subtask ${JSON.stringify(selector)}. Declare it or call add().`,
      );
    }
    return this.#handleOf(this.#state.subTask(index));
  }

  /**
   * Appends subtasks, also while the task runs, and returns them in order.
   *
   *     const [page] = crawl.add(leaf("index.html"));
   *
   * @throws TypeError if the task was not declared with `task()`, is part of an OPEN iteration, or has ended.
   */
  add(...specs: readonly TaskDeclaration[]): TaskHandle[] {
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

  /** Ends the task and its running subtasks as FAILED, with the error's message. Has no effect after its end. */
  fail(error: unknown): void {
    this.#state.end("FAILED", errorMessage(error));
  }

  /** Ends the task and its running subtasks as CANCELED, with `reason` as the message. Has no effect after its end. */
  cancel(reason?: string): void {
    this.#state.end("CANCELED", reason);
  }

  /**
   * Starts the task, calls `work` and ends the task: FINISHED if `work` returns, CANCELED if it throws after the job
   * was canceled, otherwise FAILED with the error's message. Returns the result of `work`, or throws its error.
   */
  run<Result>(work: (task: TaskHandle) => Result | PromiseLike<Result>): Promise<Result>;
  /**
   * Runs a subtask: starts it, calls `work` and ends it, like `run` without a selector.
   *
   *     await root.run("load", async (load) => load.advance(await loadRows()));
   *
   * @throws TypeError if there is no such subtask.
   */
  run<Result>(
    selector: TaskSelector,
    work: (task: TaskHandle) => Result | PromiseLike<Result>,
  ): Promise<Result>;
  async run<Result>(...args: [Work<Result>] | [selector: TaskSelector, work: Work<Result>]): Promise<Result> {
    if (args.length === 2) return this.sub(args[0]).run(args[1]);
    this.begin();
    try {
      const result = await args[0](this);
      this.finish();
      return result;
    } catch (error) {
      this.#endBy(error);
      throw error;
    }
  }

  /**
   * Wraps an iterable so that a loop over it reports its progress, one unit per item. Without a description, this leaf
   * counts. With a description, the first pending leaf of that name below this task counts; if there is none, it is
   * added.
   *
   *     for await (const row of task.track(rows, "Import")) await insert(row);
   *
   * The leaf ends with the iterable. If the loop exits early, the leaf keeps running until a task above it ends. If the
   * job is canceled, the next iteration of the loop throws.
   *
   * @throws TypeError without a description, if this task is not a leaf; with one, if the leaf can't be added.
   */
  track<Item>(items: Iterable<Item>, description?: string, options?: TrackOptions): Tracked<Item>;
  /** Wraps an asynchronous iterable for a `for await` loop, like `track` of an iterable. */
  track<Item>(items: AsyncIterable<Item>, description?: string, options?: TrackOptions): AsyncIterable<Item>;
  track<Item>(
    items: Trackable<Item>,
    description?: string,
    options: TrackOptions = {},
  ): Tracked<Item> | AsyncIterable<Item> {
    const tracked = description === undefined ? this : this.#pendingLeaf(description);
    return track(tracked, items, options.volume);
  }

  /**
   * Starts the next iteration and ends the previous one.
   * @throws TypeError if the task was not declared with `iterative()`, or all its iterations have started.
   */
  next(): Iteration {
    const number = this.#state.beginIteration();
    return new Iteration(number, (selector) => this.#inIteration(number, selector));
  }

  /**
   * Starts one iteration after another, up to the declared maximum. To stop sooner, leave the loop. If the job is
   * canceled, the next iteration throws.
   *
   *     for (const iteration of task.iterations()) await iteration.run("step", (step) => step.advance());
   */
  *iterations(): Generator<Iteration, void, undefined> {
    while (this.#state.iteration < this.#state.iterationsMax && !this.#state.hasEnded) {
      this.signal.throwIfAborted();
      yield this.next();
    }
  }

  #inIteration(number: number, selector: TaskSelector): TaskHandle {
    const { spec } = this.#state;
    const length = spec.kind === "ITERATIVE" ? spec.tasks.length : 0;
    const first = (number - 1) * length;
    const index = typeof selector === "number" ? first + selector : this.#state.indexOf(selector, first);
    if (index === undefined || index < first || index >= first + length) {
      throw new TypeError(
        `An iteration of ${JSON.stringify(this.description)} has no task ${JSON.stringify(selector)}. Declare it in iterative().`,
      );
    }
    return this.#handleOf(this.#state.subTask(index));
  }

  #pendingLeaf(description: string): TaskHandle {
    const index = this.#state.indexOf(
      description,
      0,
      ({ status, hasEnded }) => status === "PENDING" && !hasEnded,
    );
    return this.#handleOf(
      index === undefined ? this.#state.add(leaf(description)) : this.#state.subTask(index),
    );
  }

  #endBy(error: unknown): void {
    if (this.signal.aborted) this.cancel(errorMessage(this.signal.reason));
    else this.fail(error);
  }

  #handleOf(state: TaskState): TaskHandle {
    return new TaskHandle(state, this.#scope);
  }
}

type Work<Result> = (task: TaskHandle) => Result | PromiseLike<Result>;

/** One iteration of an iterative task. It ends when the next iteration starts or the iterative task ends. */
export class Iteration {
  /** The number of the iteration, from 1. */
  readonly number: number;
  readonly #find: (selector: TaskSelector) => TaskHandle;

  /** Called by `Task.next`. */
  constructor(number: number, find: (selector: TaskSelector) => TaskHandle) {
    this.number = number;
    this.#find = find;
  }

  /**
   * Returns a task of this iteration by its description, where the first match wins, or by its index from 0.
   * @throws TypeError if there is no such task.
   */
  sub(selector: TaskSelector): TaskHandle {
    return this.#find(selector);
  }

  /** Runs a task of this iteration, like `Task.run`. @throws TypeError if there is no such task. */
  run<Result>(
    selector: TaskSelector,
    work: (task: TaskHandle) => Result | PromiseLike<Result>,
  ): Promise<Result> {
    return this.sub(selector).run(work);
  }
}
