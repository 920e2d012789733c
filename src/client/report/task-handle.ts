import type { LogLevel } from "../generated/graphql.js";
import type { TaskDeclaration } from "./task-declaration.js";
import { leaf } from "./task-declaration.js";
import type { TaskState } from "./task-state.js";
import { truncateMessage, errorMessage } from "./input-values.js";
import { track, type Trackable, type Tracked } from "./track.js";

/** What a task needs of its job. */
export interface TaskScope {
  /** Aborted when the job is to stop. */
  readonly signal: AbortSignal;
  log(level: LogLevel, path: string, message: string): void;
}

/** Lines for the job's log, of 4,096 bytes at most; the newest 100 wait for a server that is away. */
export interface TaskLog {
  /** What helps to find out why. */
  debug(message: string): void;
  /** What people want to know. */
  info(message: string): void;
  /** What somebody should look at. */
  warning(message: string): void;
  /** What went wrong. It ends nothing. */
  error(message: string): void;
}

/** How an iterable is counted. */
export interface TrackOptions {
  /** How many there are to come, where the iterable does not tell by a `length` or `size`. */
  readonly volume?: number | undefined;
}

/** By its description, which finds the first one, or by its index from 0. */
export type TaskSelector = string | number;

/**
 * One task of a job, as the worker speaks of it. Nothing here waits for the server, and nothing throws but misuse.
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

  /** As it was declared. */
  get description(): string {
    return this.#state.spec.description;
  }

  /** Where it stands in the tree: child indexes from 0, joined by dots; empty for the root. */
  get path(): string {
    return this.#state.path;
  }

  /** Aborted when the job is to stop; its reason is a `JobCanceled`. */
  get signal(): AbortSignal {
    return this.#scope.signal;
  }

  /** Lines for the job's log, about this task. */
  get log(): TaskLog {
    const line = (level: LogLevel) => (message: string) =>
      this.#scope.log(level, this.path, truncateMessage(message));
    return { debug: line("DEBUG"), info: line("INFO"), warning: line("WARNING"), error: line("ERROR") };
  }

  /**
   * So many more units are done, by default one. The first begins the task. What is not above 0 is ignored.
   * @throws TypeError for what is no leaf.
   */
  advance(units = 1): void {
    const state = this.#state;
    if (units > 0) state.done += units;
    if (!state.hasTicked) state.ticked();
  }

  /**
   * So many units are done in all; fewer than before are ignored. The first begins the task.
   * @throws TypeError for what is no leaf.
   */
  set(units: number): void {
    const state = this.#state;
    if (units > state.done) state.done = units;
    if (!state.hasTicked) state.ticked();
  }

  /**
   * So many units there are to do, now that it is known or known better.
   * @throws TypeError for what is no leaf.
   */
  volume(units: number): void {
    this.#state.setVolume(units);
  }

  /** The latest word on the task, of 4,096 bytes at most; empty clears it. */
  message(text: string): void {
    this.#state.setMessage(text);
  }

  /**
   * The task below with this description, the first if there are several, or at this index.
   * @throws TypeError where there is none.
   */
  sub(which: TaskSelector): TaskHandle {
    const index = typeof which === "number" ? which : this.#state.indexOf(which);
    if (index === undefined) {
      throw new TypeError(
        `Task ${JSON.stringify(this.description)} has no ${JSON.stringify(which)} below it.`,
      );
    }
    return this.#below(this.#state.subTask(index));
  }

  /**
   * Adds tasks below, while it runs too; gives them back in order.
   * @throws TypeError where none can be: below what was not declared with `task`, below what repeats an open number of
   * times, and after its end.
   */
  add(...specs: readonly TaskDeclaration[]): TaskHandle[] {
    return specs.map((spec) => this.#below(this.#state.add(spec)));
  }

  /** Begins it, and those above it; twice is once. */
  begin(): void {
    this.#state.begin();
  }

  /** Ends it well: FINISHED, and so is what runs below it. A leaf is complete then. After an end this does nothing. */
  finish(): void {
    this.#state.end("FINISHED");
  }

  /** Ends it in an error: FAILED, with its message, and so is what runs below it. After an end this does nothing. */
  fail(error: unknown): void {
    this.#state.end("FAILED", errorMessage(error));
  }

  /** Ends it early: CANCELED, and so is what runs below it; `reason` is its message. After an end this does nothing. */
  cancel(reason?: string): void {
    this.#state.end("CANCELED", reason);
  }

  /**
   * Begins the task, does `work` and ends it: FINISHED; CANCELED when `work` throws after the job was to stop; FAILED,
   * with the error's message, when it throws otherwise. Gives back what `work` does, or throws what it throws.
   */
  run<Result>(work: (task: TaskHandle) => Result | PromiseLike<Result>): Promise<Result>;
  /**
   * Runs the task below it that is named: begins it, does `work` and ends it, as `run` without a name does.
   * @throws TypeError where there is none.
   */
  run<Result>(which: TaskSelector, work: (task: TaskHandle) => Result | PromiseLike<Result>): Promise<Result>;
  async run<Result>(...args: [Work<Result>] | [which: TaskSelector, work: Work<Result>]): Promise<Result> {
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
   * Counts what a loop takes, of any iterable: on this task, a leaf; or on the leaf below it with this description,
   * which is added where there is none that is pending. The task ends with the iterable; a loop that is left early
   * leaves it running, until what is above it ends. When the job is to stop, the next round of the loop throws.
   *
   *     for await (const row of task.track(rows, "Import")) await insert(row);
   *
   * @throws TypeError where it can't be counted: this task is no leaf, or none can be added below it.
   */
  track<Item>(items: Iterable<Item>, description?: string, options?: TrackOptions): Tracked<Item>;
  /** As of an iterable; the loop is a `for await`. */
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
   * Begins the next iteration and ends the one before it.
   * @throws TypeError when it has none, or all have begun.
   */
  next(): Iteration {
    const number = this.#state.beginIteration();
    return new Iteration(number, (which) => this.#inIteration(number, which));
  }

  /**
   * Begins one iteration after the other, as many as there can be; leave the loop when no more are needed.
   *
   *     for (const iteration of task.iterations()) await iteration.run("step", …);
   */
  *iterations(): Generator<Iteration, void, undefined> {
    while (this.#state.iteration < this.#state.iterationsMax && !this.#state.hasEnded) {
      this.signal.throwIfAborted();
      yield this.next();
    }
  }

  #inIteration(number: number, which: TaskSelector): TaskHandle {
    const { spec } = this.#state;
    const length = spec.kind === "ITERATIVE" ? spec.tasks.length : 0;
    const first = (number - 1) * length;
    const index = typeof which === "number" ? first + which : this.#state.indexOf(which, first);
    if (index === undefined || index < first || index >= first + length) {
      throw new TypeError(
        `An iteration of ${JSON.stringify(this.description)} has no ${JSON.stringify(which)}.`,
      );
    }
    return this.#below(this.#state.subTask(index));
  }

  #pendingLeaf(description: string): TaskHandle {
    const index = this.#state.indexOf(
      description,
      0,
      ({ status, hasEnded }) => status === "PENDING" && !hasEnded,
    );
    return this.#below(index === undefined ? this.#state.add(leaf(description)) : this.#state.subTask(index));
  }

  #endBy(error: unknown): void {
    if (this.signal.aborted) this.cancel(errorMessage(this.signal.reason));
    else this.fail(error);
  }

  #below(state: TaskState): TaskHandle {
    return new TaskHandle(state, this.#scope);
  }
}

type Work<Result> = (task: TaskHandle) => Result | PromiseLike<Result>;

/** One iteration of a task that repeats others. It ends when the next one begins, or its task ends. */
export class Iteration {
  /** From 1. */
  readonly number: number;
  readonly #find: (which: TaskSelector) => TaskHandle;

  /** Called by `Task.next`. */
  constructor(number: number, find: (which: TaskSelector) => TaskHandle) {
    this.number = number;
    this.#find = find;
  }

  /**
   * The task of this iteration with this description, or at this index from 0.
   * @throws TypeError where there is none.
   */
  sub(which: TaskSelector): TaskHandle {
    return this.#find(which);
  }

  /** Runs a task of this iteration, as `Task.run` does. */
  run<Result>(
    which: TaskSelector,
    work: (task: TaskHandle) => Result | PromiseLike<Result>,
  ): Promise<Result> {
    return this.sub(which).run(work);
  }
}
