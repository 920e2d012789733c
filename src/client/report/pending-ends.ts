import type { JobSync } from "./job-sync.js";
import { keepAlive, type ClientTimer } from "../platform.js";

/** Ended jobs that may wait for a server that is away. */
export const PENDING_ENDS_MAX = 1_000;

/**
 * The jobs whose end the server does not know of. Each one that comes keeps the process alive for a time; after that
 * they are still told, while something else keeps it alive.
 */
export class PendingEnds {
  readonly #timeoutMs: number;
  readonly #onTimeout: () => void;
  /** The oldest end first. */
  readonly #outboxes = new Set<JobSync>();
  #keepingAlive: ClientTimer | undefined;
  #waiting: (() => void)[] = [];

  /** @param onTimeout is called when the process is kept alive no longer. */
  constructor(timeoutMs: number, onTimeout: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onTimeout = onTimeout;
  }

  /** Whether the process is kept alive for them. */
  get isKeepingAlive(): boolean {
    return this.#keepingAlive !== undefined;
  }

  /** A program that does many jobs while the server is away must not keep them all: the one to give up. */
  get overflow(): JobSync | undefined {
    const [oldest] = this.#outboxes;
    return this.#outboxes.size > PENDING_ENDS_MAX ? oldest : undefined;
  }

  has(outbox: JobSync): boolean {
    return this.#outboxes.has(outbox);
  }

  add(outbox: JobSync): void {
    this.#outboxes.add(outbox);
    this.#keepingAlive?.cancel();
    this.#keepingAlive = keepAlive(this.#timeoutMs, () => {
      this.#onTimeout();
      this.#letGo();
    });
  }

  /** The server knows of its end, or never will. */
  delete(outbox: JobSync): void {
    if (this.#outboxes.delete(outbox) && this.#outboxes.size === 0) this.#letGo();
  }

  /** Resolves once the server knows of all, `release` is called, or the process is kept alive no longer. */
  async waitForRelease(): Promise<void> {
    if (this.isKeepingAlive) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Whoever waits goes on: the server is away. */
  release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** The process may end. */
  #letGo(): void {
    this.#keepingAlive?.cancel();
    this.#keepingAlive = undefined;
    this.release();
  }
}
