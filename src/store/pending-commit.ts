import { assert } from "../util/assert.js";
import type { WriteBatch } from "./write-batch.js";

/** Receives the result of a change. */
export interface CommitCallbacks<T> {
  /** @param index of the change in its request. */
  resolve(value: T, index: number): void;
  reject(reason: unknown, index: number): void;
}

/** A change that waits for group commit: it is applied to a write batch, and settled once the batch is durable. */
export class PendingCommit<T> {
  readonly #apply: (batch: WriteBatch) => T;
  readonly #callbacks: CommitCallbacks<T>;
  readonly #index: number;
  #result: PromiseSettledResult<T> | undefined;
  #hasChanged = false;
  #isSettled = false;

  constructor(apply: (batch: WriteBatch) => T, callbacks: CommitCallbacks<T>, index: number) {
    this.#apply = apply;
    this.#callbacks = callbacks;
    this.#index = index;
  }

  /** Whether the last `apply` has changed anything. */
  get hasChanged(): boolean {
    return this.#hasChanged;
  }

  /**
   * Applies the change. It settles with its batch: even a rejection may depend on other changes in the batch. It may be
   * applied to another batch if this one is dropped.
   */
  apply(batch: WriteBatch): void {
    const count = batch.pendingChanges.length;
    try {
      this.#result = { status: "fulfilled", value: this.#apply(batch) };
    } catch (reason) {
      assert(batch.pendingChanges.length === count, "Law 5: a rejected change has no effect");
      this.#result = { status: "rejected", reason };
    }
    this.#hasChanged = batch.pendingChanges.length > count;
  }

  /** Call it after `apply`. Does nothing if the change has failed. */
  settle(): void {
    const result = this.#result!;
    if (result.status === "rejected") return this.fail(result.reason);
    if (!this.#isSettled) this.#callbacks.resolve(result.value, this.#index);
    this.#isSettled = true;
  }

  /** Rejects the change because its whole batch has failed, or takes too long. */
  fail(reason: unknown): void {
    if (!this.#isSettled) this.#callbacks.reject(reason, this.#index);
    this.#isSettled = true;
  }
}

/** Collects the results of several changes of one request, like `Promise.allSettled`. */
export class SettledResults<T> implements CommitCallbacks<T> {
  readonly #settled: PromiseSettledResult<T>[] = [];
  readonly #done: (settled: PromiseSettledResult<T>[]) => void;
  #pendingCount: number;

  /** @param done called once, with all results in the order of the changes. */
  constructor(count: number, done: (settled: PromiseSettledResult<T>[]) => void) {
    this.#done = done;
    this.#pendingCount = count;
    if (count === 0) done([]);
  }

  resolve(value: T, index: number): void {
    this.#settle({ status: "fulfilled", value }, index);
  }

  reject(reason: unknown, index: number): void {
    this.#settle({ status: "rejected", reason }, index);
  }

  #settle(result: PromiseSettledResult<T>, index: number): void {
    this.#settled[index] = result;
    if (--this.#pendingCount === 0) this.#done(this.#settled);
  }
}
