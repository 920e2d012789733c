import type { JobSync } from "./job-sync.js";
import { keepAlive, type ClientTimer } from "../platform.js";

/** The maximum number of ended jobs that wait for an unreachable server. */
export const PENDING_ENDS_MAX = 1_000;

/**
 * The jobs whose end the server has not confirmed. Adding one keeps the process alive for a limited time. After that,
 * their ends are still sent if something else keeps the process alive.
 */
export class PendingEnds {
  readonly #timeoutMs: number;
  readonly #onTimeout: () => void;
  /** Ordered by end, oldest first. */
  readonly #jobs = new Set<JobSync>();
  #keepingAlive: ClientTimer | undefined;
  #waiting: (() => void)[] = [];

  /** @param onTimeout is called when `timeoutMs` is over and the process may exit. */
  constructor(timeoutMs: number, onTimeout: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onTimeout = onTimeout;
  }

  /** Whether the pending ends keep the process alive. */
  get isKeepingAlive(): boolean {
    return this.#keepingAlive !== undefined;
  }

  /** The oldest job, if more wait than a program should hold in memory. */
  get overflow(): JobSync | undefined {
    const [oldest] = this.#jobs;
    return this.#jobs.size > PENDING_ENDS_MAX ? oldest : undefined;
  }

  has(job: JobSync): boolean {
    return this.#jobs.has(job);
  }

  add(job: JobSync): void {
    this.#jobs.add(job);
    this.#keepingAlive?.cancel();
    this.#keepingAlive = keepAlive(this.#timeoutMs, () => {
      this.#onTimeout();
      this.#stopKeepingAlive();
    });
  }

  delete(job: JobSync): void {
    if (this.#jobs.delete(job) && this.#jobs.size === 0) this.#stopKeepingAlive();
  }

  /** Resolves when no end is pending, after `release`, or at the timeout. */
  async waitForRelease(): Promise<void> {
    if (this.isKeepingAlive) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves all calls of `waitForRelease`. */
  release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #stopKeepingAlive(): void {
    this.#keepingAlive?.cancel();
    this.#keepingAlive = undefined;
    this.release();
  }
}
