import { shortestRetentionMs, type Retention } from "../tasks/retention.js";
import type { Clock, Timer } from "../util/clock.js";
import type { PerDatabaseTaskStoreProvider } from "./per-database-task-store-provider.js";

export interface MaintenanceLoopOptions {
  readonly retention: Retention;
  /** Stores that have been idle for this long are closed. Milliseconds. */
  readonly idleMs: number;
  readonly clock: Clock;
}

/**
 * Removes expired jobs and closes idle stores, in rounds. Each round also updates the health of jobs in closed
 * databases; open stores do that on time themselves. The pause between rounds is a tenth of the shortest retention
 * or idle time, and at most a minute.
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
