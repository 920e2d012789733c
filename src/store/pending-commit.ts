import { assert } from "../util/assert.js";
import type { WriteBatch } from "./write-batch.js";

/** Who asked for a change, and is told what it came to. */
export interface CommitCallbacks<T> {
  /** @param place among several changes that were asked for together. */
  resolve(value: T, place: number): void;
  reject(reason: unknown, place: number): void;
}

/** A change that waits: first it is made as part of a batch, and when that is durable it is answered. */
export class PendingCommit<T> {
  readonly #make: (batch: WriteBatch) => T;
  readonly #callbacks: CommitCallbacks<T>;
  readonly #index: number;
  #result: PromiseSettledResult<T> | undefined;

  constructor(make: (batch: WriteBatch) => T, asker: CommitCallbacks<T>, place: number) {
    this.#make = make;
    this.#callbacks = asker;
    this.#index = place;
  }

  /** Makes the change. Its answer, be it a refusal, may rest on others of the batch and waits for it. */
  apply(batch: WriteBatch): void {
    const count = batch.pendingChanges.length;
    try {
      this.#result = { status: "fulfilled", value: this.#make(batch) };
    } catch (reason) {
      assert(batch.pendingChanges.length === count, "Law 5: what is refused has changed nothing");
      this.#result = { status: "rejected", reason };
    }
  }

  /** To be called after `attempt`. */
  settle(): void {
    const answer = this.#result!;
    if (answer.status === "fulfilled") this.#callbacks.resolve(answer.value, this.#index);
    else this.#callbacks.reject(answer.reason, this.#index);
  }

  /** Answers that the whole batch has failed. */
  fail(reason: unknown): void {
    this.#callbacks.reject(reason, this.#index);
  }
}

/** Waits for the answers to several changes that were asked for together, as `Promise.allSettled` does. */
export class SettledResults<T> implements CommitCallbacks<T> {
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
