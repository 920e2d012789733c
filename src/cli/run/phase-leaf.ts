import type { Task } from "../../client/index.js";

/**
 * A phase as a leaf of a job. Leaves count whole units, so a percentage has a volume of 100. As soon as a percentage
 * with decimals appears, the volume becomes 1,000 or 10,000.
 */
export class PhaseLeaf {
  readonly #task: Task;
  #partsPerUnit = 1;

  constructor(task: Task) {
    this.#task = task;
  }

  move(done: number, volume: number | undefined): void {
    this.#partsPerUnit = Math.max(this.#partsPerUnit, partsOf(done));
    if (volume !== undefined) this.#task.volume(volume * this.#partsPerUnit);
    this.#task.set(Math.round(done * this.#partsPerUnit));
  }

  finish(): void {
    this.#task.finish();
  }
}

/** The factor that makes a number with at most two decimals whole. */
function partsOf(done: number): 1 | 10 | 100 {
  if (Number.isInteger(done)) return 1;
  return Math.round(done * 100) % 10 === 0 ? 10 : 100;
}
