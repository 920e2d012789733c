import type { Task } from "../../client/index.js";

/**
 * A phase as a leaf of a job, whose units are whole: a percentage is so many of 100, as people read it, until one comes
 * with decimals; from then on so many of 1,000 or 10,000.
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

/** Into how many parts a unit has to be cut, so that this is a whole number of them. */
function partsOf(done: number): 1 | 10 | 100 {
  if (Number.isInteger(done)) return 1;
  return Math.round(done * 100) % 10 === 0 ? 10 : 100;
}
