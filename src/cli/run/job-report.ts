import { leaf, type Job, type Task } from "../../client/index.js";
import { LastLines } from "./last-lines.js";
import type { OutputObserver } from "./output-reader.js";
import { Phases, type PhaseStep } from "./phases.js";
import { PhaseLeaf } from "./phase-leaf.js";
import type { Reading } from "./reading.js";

/**
 * Tells a job what a program prints. Its phases are leaves; what comes before the first one that has a name of its own is
 * a leaf with the name of the program. The latest line is the root's message, and warnings go to the log.
 */
export class JobReport implements OutputObserver {
  readonly lastLines = new LastLines();
  readonly #root: Task;
  readonly #program: string;
  readonly #phases = new Phases();
  readonly #leaves: PhaseLeaf[] = [];
  #warningCount = 0;
  #shownLine = "";

  /** @param job its root has one leaf, named as the program. */
  constructor(job: Job, program: string) {
    this.#root = job.task;
    this.#program = program;
    this.#root.sub(0).begin();
  }

  reading(reading: Reading): void {
    for (const step of this.#phases.take(reading)) this.#apply(step);
  }

  line(text: string, counter: string | undefined): void {
    this.lastLines.add(text, counter);
    if (WARNING.test(text) && this.#warningCount++ < WARNINGS_MAX) this.#root.log.warning(text);
  }

  counterLine(text: string, counter: string): void {
    this.lastLines.addOfCounter(text, counter);
  }

  /** The latest line is now the message. */
  show(): void {
    const { latest } = this.lastLines;
    if (latest !== this.#shownLine) this.#root.message(latest);
    this.#shownLine = latest;
  }

  #apply(step: PhaseStep): void {
    if (step.kind === "BEGIN")
      return void (this.#leaves[step.phase] = new PhaseLeaf(this.#leafOf(step.phase, step.label)));
    const phase = this.#leaves[step.phase]!; // it has begun
    if (step.kind === "END") return phase.finish();
    phase.move(step.done, step.volume);
  }

  #leafOf(phase: number, label: string): Task {
    const first = this.#root.sub(0);
    if (phase === 0 && label === "") return first;
    if (phase === 0) first.finish();
    return this.#root.add(leaf(label || this.#program))[0]!; // as many as were given
  }
}

const WARNING = /\bwarning: |^\W?warn(?:ing)?\b/i;
/** As many as a server keeps of one job. */
const WARNINGS_MAX = 200;
