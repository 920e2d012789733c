import { basename } from "node:path";
import { leaf, task, type Job, type Task, type TaskSpec } from "../../client/index.js";
import { LastLines } from "./last-lines.js";
import type { CommandLine } from "./command.js";
import { describeCommand } from "./command-line.js";
import { maskSecrets } from "./mask-secrets.js";
import type { OutputObserver } from "./output-reader.js";
import { PhaseTracker, type PhaseChange } from "./phase-tracker.js";
import { PhaseLeaf } from "./phase-leaf.js";
import { PrivateKeyLines } from "./private-key-lines.js";
import type { ProgressReading } from "./progress-reading.js";

/**
 * Reports the output of a program to a job. Each phase is a leaf, the latest line is the message of the root, and
 * warnings go to the log. The first leaf is created before its phase is known, because a tree needs a leaf. Leaves
 * can't be renamed, so the label of its phase becomes its message.
 */
export class OutputReporter implements OutputObserver {
  readonly lastLines = new LastLines();
  readonly #root: Task;
  readonly #phases = new PhaseTracker();
  readonly #leaves: PhaseLeaf[] = [];
  readonly #privateKeys = new PrivateKeyLines();
  #warningCount = 0;
  #shownLine = "";

  /** @param job a new job with the tree of `initialTree` */
  constructor(job: Job) {
    this.#root = job.task;
    this.#root.sub(0).begin();
  }

  onReading(reading: ProgressReading): void {
    for (const step of this.#phases.take(reading)) this.#apply(step);
  }

  onLine(text: string, counter: string | undefined): void {
    const line = this.#privateKeys.mask(text);
    this.lastLines.add(line, counter);
    if (WARNING.test(line) && this.#warningCount++ < WARNINGS_MAX) this.#root.log.warning(maskSecrets(line));
  }

  onCounterLine(text: string, counter: string): void {
    this.lastLines.addOfCounter(this.#privateKeys.mask(text), counter);
  }

  /** Whether the program has printed something, but no progress. */
  get isWithoutProgress(): boolean {
    return this.#leaves.length === 0 && this.lastLines.text !== "";
  }

  /** Reports the latest line as the message of the job. */
  show(): void {
    const { latest } = this.lastLines;
    if (latest !== this.#shownLine) this.#root.message(latest);
    this.#shownLine = latest;
  }

  #apply(step: PhaseChange): void {
    if (step.kind === "BEGIN")
      return void (this.#leaves[step.phase] = new PhaseLeaf(this.#leafOf(step.phase, step.label)));
    const phase = this.#leaves[step.phase]!; // BEGIN comes first
    if (step.kind === "END") return phase.finish();
    phase.move(step.done, step.volume);
  }

  #leafOf(phase: number, label: string): Task {
    const name = maskSecrets(label);
    if (phase > 0) return this.#root.add(leaf(name || `phase ${phase + 1}`))[0]!; // one per leaf passed in
    const first = this.#root.sub(0);
    first.message(name);
    return first;
  }
}

/** The tree of a program that has not printed anything yet. Its leaf has the name of the program. */
export function initialTree(command: CommandLine, description = describeCommand(command)): TaskSpec {
  return task(maskSecrets(description), leaf(maskSecrets(basename(command[0])) || "command"));
}

const WARNING = /\bwarning: |^\W?warn(?:ing)?\b/i;
/** The number of log lines that a server keeps per job. */
const WARNINGS_MAX = 200;
