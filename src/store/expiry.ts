import type { Clock, Timer } from "../util/clock.js";
import type { Log } from "../util/log.js";
import type { PerDatabaseTaskStoreProvider } from "./per-database-task-store-provider.js";

export interface ExpiryOptions {
  readonly retentionMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Forgets jobs whose retention is over: looks through the open stores in turn, a tenth of the retention
 * apart and at least once a minute. A removal by it is a change like any other.
 */
export class Expiry {
  readonly #provider: PerDatabaseTaskStoreProvider;
  readonly #options: ExpiryOptions;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(provider: PerDatabaseTaskStoreProvider, options: ExpiryOptions) {
    this.#provider = provider;
    this.#options = options;
  }

  start(): void {
    const { retentionMs, clock } = this.#options;
    const pauseMs = Math.min(Math.max(retentionMs / 10, PAUSE_MIN_MS), PAUSE_MAX_MS);
    this.#timer = clock.schedule(pauseMs, () => void this.#round());
  }

  /** Stopping twice is harmless. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  async #round(): Promise<void> {
    const { retentionMs, log } = this.#options;
    const results = await Promise.allSettled(
      this.#provider.openStores().map((store) => store.expire(retentionMs)),
    );
    for (const result of results) {
      if (result.status === "rejected")
        log.warn({ err: result.reason as unknown }, "ended jobs could not be removed");
    }
    if (!this.#isStopped) this.start();
  }
}

const PAUSE_MIN_MS = 100;
const PAUSE_MAX_MS = 60_000;
