import { leaf, task, type Job, type Task, type TaskSpec } from "../../client/index.js";
import { LastLines } from "./last-lines.js";
import type { OutputObserver } from "./output-reader.js";
import { PhaseTracker, type PhaseChange } from "./phase-tracker.js";
import { PhaseLeaf } from "./phase-leaf.js";
import type { ProgressReading } from "./progress-reading.js";

/**
 * Tells a job what a program prints. Its phases are leaves, the latest line is the root's message, and warnings go to the
 * log. The first phase has its leaf before it is known, as no tree is without one, and no leaf can be renamed: what it
 * counts is the leaf's message.
 */
export class OutputReporter implements OutputObserver {
  readonly lastLines = new LastLines();
  readonly #root: Task;
  readonly #phases = new PhaseTracker();
  readonly #leaves: PhaseLeaf[] = [];
  #warningCount = 0;
  #shownLine = "";

  /** @param job a new one, with the tree of `treeOf`. */
  constructor(job: Job) {
    this.#root = job.task;
    this.#root.sub(0).begin();
  }

  onReading(reading: ProgressReading): void {
    for (const step of this.#phases.take(reading)) this.#apply(step);
  }

  onLine(text: string, counter: string | undefined): void {
    this.lastLines.add(text, counter);
    if (WARNING.test(text) && this.#warningCount++ < WARNINGS_MAX) this.#root.log.warning(text);
  }

  onCounterLine(text: string, counter: string): void {
    this.lastLines.addOfCounter(text, counter);
  }

  /** The latest line is now the message. */
  show(): void {
    const { latest } = this.lastLines;
    if (latest !== this.#shownLine) this.#root.message(latest);
    this.#shownLine = latest;
  }

  #apply(step: PhaseChange): void {
    if (step.kind === "BEGIN")
      return void (this.#leaves[step.phase] = new PhaseLeaf(this.#leafOf(step.phase, step.label)));
    const phase = this.#leaves[step.phase]!; // it has begun
    if (step.kind === "END") return phase.finish();
    phase.move(step.done, step.volume);
  }

  #leafOf(phase: number, label: string): Task {
    if (phase > 0) return this.#root.add(leaf(label || nameOf(phase)))[0]!; // as many as were given
    const first = this.#root.sub(0);
    first.message(label);
    return first;
  }
}

/** The tree of a program that has printed nothing. */
export function initialTree(description: string): TaskSpec {
  return task(description, leaf(nameOf(0)));
}

/** For a counter that does not say what it counts. The program's name would promise that it ends as the program does. */
function nameOf(phase: number): string {
  return `phase ${phase + 1}`;
}

const WARNING = /\bwarning: |^\W?warn(?:ing)?\b/i;
/** As many as a server keeps of one job. */
const WARNINGS_MAX = 200;
