import type { Limits } from "../protocol/limits.js";
import type { UserTask } from "../tasks/user-task.js";

/**
 * The number of tasks and log lines that a selection lists, before any job is read. A mutation needs it before it
 * changes anything: an answer that turned out to be too large could not undo the change.
 *
 * A task has one parent, so each selection of `subTasks` lists no task twice. Selections on one level below the root
 * list the tasks of that level only.
 */
export class AnswerSize {
  static readonly NONE = new AnswerSize({});
  /** How often the whole tree is listed. */
  readonly #trees: number;
  /** How often the tasks of each level below the task are listed. */
  readonly #levels: readonly number[];
  /** How often the log is listed, and the lines of these lists together. */
  readonly #logs: number;
  readonly #lines: number;

  private constructor({ trees = 0, levels = [], logs = 0, lines = 0 }: Parts) {
    this.#trees = trees;
    this.#levels = levels;
    this.#logs = logs;
    this.#lines = lines;
  }

  static ofLog(lines: number): AnswerSize {
    return new AnswerSize({ logs: 1, lines });
  }

  /** This selection on each task of a whole tree, which is listed too. */
  ofTree(): AnswerSize {
    return new AnswerSize({ trees: this.#levels.reduce((sum, count) => sum + count, 1) });
  }

  /** This selection on the root of a tree. */
  ofRoot(): AnswerSize {
    return new AnswerSize({ trees: Math.max(0, ...this.#levels) });
  }

  /** This selection on the tasks below a task, which are listed too. */
  ofSubTasks(): AnswerSize {
    return new AnswerSize({ levels: [1, ...this.#levels] });
  }

  /** This selection on each of `jobs` jobs. */
  times(jobs: number): AnswerSize {
    const levels = this.#levels.map((count) => count * jobs);
    return new AnswerSize({
      trees: this.#trees * jobs,
      levels,
      logs: this.#logs * jobs,
      lines: this.#lines * jobs,
    });
  }

  plus(other: AnswerSize): AnswerSize {
    if (other.isNone) return this;
    if (this.isNone) return other;
    const depth = Math.max(this.#levels.length, other.#levels.length);
    return new AnswerSize({
      trees: this.#trees + other.#trees,
      levels: Array.from({ length: depth }, (_, at) => (this.#levels[at] ?? 0) + (other.#levels[at] ?? 0)),
      logs: this.#logs + other.#logs,
      lines: this.#lines + other.#lines,
    });
  }

  get isNone(): boolean {
    return this.#trees === 0 && this.#levels.length === 0 && this.#logs === 0;
  }

  /** The maximum number of items for this job. */
  itemsOf({ task, log }: UserTask): number {
    return this.#items(task.taskCount, log.length);
  }

  /** The maximum number of items for any job. */
  itemsMax({ tasksPerTreeMax, logLinesPerJobMax }: Limits): number {
    return this.#items(tasksPerTreeMax, logLinesPerJobMax);
  }

  #items(taskCount: number, logLines: number): number {
    return this.#trees * taskCount + Math.min(this.#lines, this.#logs * logLines);
  }
}

interface Parts {
  readonly trees?: number;
  readonly levels?: readonly number[];
  readonly logs?: number;
  readonly lines?: number;
}
