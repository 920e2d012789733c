import { assert } from "../util/assert.js";

/**
 * The revision that a change will have.
 *
 * A reducer makes new tasks before the journal has numbered the change. So the tasks of one change share one
 * stamp, which the store sets once the journal has answered. One assignment thus stamps a tree of any size, even tasks
 * that a later reducer has already built into another tree. A stamp is set once, before any reader can see its tasks, so
 * the tasks are immutable to readers.
 */
export class Stamp {
  #epoch: string | undefined;
  #revision = 0;

  /** Creates a stamp that is already set, for tasks loaded from a journal. */
  static of(epoch: string, revision: number): Stamp {
    const stamp = new Stamp();
    stamp.set(epoch, revision);
    return stamp;
  }

  set(epoch: string, revision: number): void {
    assert(this.#epoch === undefined, `stamped twice: ${this.#revision}, then ${revision}`);
    this.#epoch = epoch;
    this.#revision = revision;
  }

  get epoch(): string {
    assert(this.#epoch !== undefined, "read before the journal numbered the change");
    return this.#epoch;
  }

  get revision(): number {
    assert(this.#epoch !== undefined, "read before the journal numbered the change");
    return this.#revision;
  }
}
