import { assert } from "../util/assert.js";
import type { Batch } from "./batch.js";

/** Who asked for a change, and is told what it came to. */
export interface Asker<T> {
  /** @param place among several changes that were asked for together. */
  resolve(value: T, place: number): void;
  reject(reason: unknown, place: number): void;
}

/** A change that waits: first it is made as part of a batch, and when that is durable it is answered. */
export class Commit<T> {
  readonly #make: (batch: Batch) => T;
  readonly #asker: Asker<T>;
  readonly #place: number;
  #answer: PromiseSettledResult<T> | undefined;

  constructor(make: (batch: Batch) => T, asker: Asker<T>, place: number) {
    this.#make = make;
    this.#asker = asker;
    this.#place = place;
  }

  /** Makes the change. Its answer, be it a refusal, may rest on others of the batch and waits for it. */
  attempt(batch: Batch): void {
    const count = batch.drafts.length;
    try {
      this.#answer = { status: "fulfilled", value: this.#make(batch) };
    } catch (reason) {
      assert(batch.drafts.length === count, "Law 5: what is refused has changed nothing");
      this.#answer = { status: "rejected", reason };
    }
  }

  /** To be called after `attempt`. */
  answer(): void {
    const answer = this.#answer!;
    if (answer.status === "fulfilled") this.#asker.resolve(answer.value, this.#place);
    else this.#asker.reject(answer.reason, this.#place);
  }

  /** Answers that the whole batch has failed. */
  refuse(reason: unknown): void {
    this.#asker.reject(reason, this.#place);
  }
}

/** Waits for the answers to several changes that were asked for together, as `Promise.allSettled` does. */
export class Answers<T> implements Asker<T> {
  readonly #settled: PromiseSettledResult<T>[] = [];
  readonly #done: (settled: PromiseSettledResult<T>[]) => void;
  #missing: number;

  /** @param done is called once, with all answers in the order of their places. */
  constructor(count: number, done: (settled: PromiseSettledResult<T>[]) => void) {
    this.#done = done;
    this.#missing = count;
    if (count === 0) done([]);
  }

  resolve(value: T, place: number): void {
    this.#settle({ status: "fulfilled", value }, place);
  }

  reject(reason: unknown, place: number): void {
    this.#settle({ status: "rejected", reason }, place);
  }

  #settle(answer: PromiseSettledResult<T>, place: number): void {
    this.#settled[place] = answer;
    if (--this.#missing === 0) this.#done(this.#settled);
  }
}
