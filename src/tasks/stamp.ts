import { assert } from "../util/assert.js";

/**
 * The revision that a change will have.
 *
 * A reducer makes new tasks before the journal has numbered the change, so the tasks of one change share one
 * stamp, and the store sets it when the journal has answered: however large the tree, stamping is one
 * assignment, and what a later reducer built upon those tasks has the right revision too. A stamp is set once
 * and before anybody can read the tasks that carry it, so they are as immutable as if it had been there from
 * the start.
 */
export class Stamp {
  #epoch: string | undefined;
  #revision = 0;

  /** A stamp that is set already, for what is loaded from a journal. */
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
