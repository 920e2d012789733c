import { shortestRetentionMs, type Retention } from "../tasks/retention.js";
import type { Clock, Timer } from "../util/clock.js";
import type { PerDatabaseTaskStoreProvider } from "./per-database-task-store-provider.js";

export interface MaintenanceLoopOptions {
  readonly retention: Retention;
  /** How long a store stays open that nobody asks for, in milliseconds. */
  readonly idleMs: number;
  readonly clock: Clock;
}

/**
 * Forgets what is no longer wanted, in rounds: jobs whose retention is over, then stores that nobody asks for. On the
 * way it sees to the health of jobs in databases that are not open; an open one does that by itself, in time.
 * Rounds are a tenth of the shortest of these times apart, and at most a minute. A removal is a change like
 * any other.
 */
export class MaintenanceLoop {
  readonly #provider: PerDatabaseTaskStoreProvider;
  readonly #options: MaintenanceLoopOptions;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(provider: PerDatabaseTaskStoreProvider, options: MaintenanceLoopOptions) {
    this.#provider = provider;
    this.#options = options;
  }

  start(): void {
    const { retention, idleMs, clock } = this.#options;
    const pauseMs = Math.max(Math.min(shortestRetentionMs(retention), idleMs) / 10, PAUSE_MIN_MS);
    this.#timer = clock.schedule(Math.min(pauseMs, PAUSE_MAX_MS), () => void this.#round());
  }

  /** Stopping twice is harmless. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  async #round(): Promise<void> {
    await this.#provider.runMaintenance();
    await this.#provider.closeIdleStores();
    if (!this.#isStopped) this.start();
  }
}

const PAUSE_MIN_MS = 100;
const PAUSE_MAX_MS = 60_000;
