import { keepAlive, type ClientClock, type ClientTimer } from "../platform.js";
import type { JobSync } from "./job-sync.js";

/** The maximum number of ended jobs that wait for a server that has not answered for `ABSENT_MS`. */
export const ENDS_WHILE_ABSENT_MAX = 1_000;
/** The maximum number at any time. Of more ended jobs, a server with default limits would evict the oldest. */
const ENDS_MAX = 100_000;
/** Longer than a server takes to restart. */
const ABSENT_MS = 60_000;

/**
 * The jobs whose end the server has not confirmed. They keep the process alive until the server has not answered for a
 * limited time. After that, their ends are still sent if something else keeps the process alive.
 *
 * A busy server is not an absent one: while it answers, no end is given up, however long the server takes.
 */
export class PendingEnds {
  readonly #timeoutMs: number;
  readonly #clock: ClientClock;
  readonly #onTimeout: () => void;
  /** Ordered by end, oldest first. The values resolve the calls of `waitFor`. */
  readonly #jobs = new Map<JobSync, (() => void)[]>();
  #keepingAlive: ClientTimer | undefined;
  /** When the server last answered, or the first end began to wait for it, in the clock's time. */
  #answeredAt = 0;
  /** When an end was last added or the server last answered, in the time of `keepAlive`. */
  #activeAt = 0;

  /** @param onTimeout is called when the server has not answered for `timeoutMs` and the process may exit. */
  constructor(timeoutMs: number, clock: ClientClock, onTimeout: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#onTimeout = onTimeout;
  }

  /** Whether the pending ends keep the process alive. */
  get isKeepingAlive(): boolean {
    return this.#keepingAlive !== undefined;
  }

  /** The oldest job, if more wait than a program should hold in memory. */
  get overflow(): JobSync | undefined {
    const isAbsent = this.#clock.now() - this.#answeredAt > ABSENT_MS;
    const [oldest] = this.#jobs.keys();
    return this.#jobs.size > (isAbsent ? ENDS_WHILE_ABSENT_MAX : ENDS_MAX) ? oldest : undefined;
  }

  has(job: JobSync): boolean {
    return this.#jobs.has(job);
  }

  add(job: JobSync): void {
    if (this.#jobs.size === 0) this.#answeredAt = this.#clock.now();
    this.#jobs.set(job, []);
    this.#activeAt = performance.now();
    this.#keepingAlive ??= keepAlive(this.#timeoutMs, this.#giveUp, () => this.#activeAt);
  }

  delete(job: JobSync): void {
    this.#jobs.get(job)?.forEach((resolve) => resolve());
    if (this.#jobs.delete(job) && this.#jobs.size === 0) this.#stopKeepingAlive();
  }

  /** The server took a report, or answered that it is busy. */
  onProgress(): void {
    this.#answeredAt = this.#clock.now();
    this.#activeAt = performance.now();
  }

  /** Resolves when the end of the job is no longer pending, after `release`, or at the timeout. */
  async waitFor(job: JobSync): Promise<void> {
    const waiting = this.isKeepingAlive && this.#jobs.get(job);
    if (waiting) await new Promise<void>((resolve) => waiting.push(resolve));
  }

  /** Resolves all calls of `waitFor`. */
  release(): void {
    for (const waiting of this.#jobs.values()) for (const resolve of waiting.splice(0)) resolve();
  }

  readonly #giveUp = (): void => {
    this.#onTimeout();
    this.#stopKeepingAlive();
  };

  #stopKeepingAlive(): void {
    this.#keepingAlive?.cancel();
    this.#keepingAlive = undefined;
    this.release();
  }
}
