import {
  JournalError,
  type EngineStats,
  type Journal,
  type JournalEngine,
} from "../../../src/journal/journal.js";
import type { Clock } from "../../../src/util/clock.js";
import { withHandles } from "./observed-journal.js";

/** An engine with a time of day of its own, which stops answering when a test says so. */
export class ManualEngine implements JournalEngine {
  readonly #clock: Clock;
  readonly #aheadMs: number;
  readonly failure = new Error("connect ECONNREFUSED");
  #silentSince: number | undefined;
  #unconfirmedSince: number | undefined;

  /** @param aheadMs how far its time of day is ahead of that of `clock` */
  constructor(clock: Clock, { aheadMs = 0 } = {}) {
    this.#clock = clock;
    this.#aheadMs = aheadMs;
  }

  now(): number {
    return this.#clock.now() + this.#aheadMs;
  }

  silentMs(): number {
    return this.#silentSince === undefined ? 0 : this.#clock.monotonic() - this.#silentSince;
  }

  async takeLease(): Promise<boolean> {
    return this.#silentSince === undefined;
  }

  stats(): EngineStats {
    const since = this.#unconfirmedSince;
    return { ...STATS, oldestAppendMs: since === undefined ? 0 : this.#clock.monotonic() - since };
  }

  fallSilent(): void {
    this.#silentSince = this.#clock.monotonic();
  }

  /** A change waits for its answer from now on, until `confirm`. */
  beginWaiting(): void {
    this.#unconfirmedSince = this.#clock.monotonic();
  }

  confirm(): void {
    this.#unconfirmedSince = undefined;
  }

  answer(): void {
    this.#silentSince = undefined;
  }

  /** A view of `journal`, which is stored in this engine: appends fail while the engine is silent. Closing it leaves `journal` open. */
  storing(journal: Journal): Journal {
    const stored = withHandles(journal, (handle) => ({
      append: async (entries, madeFrom) => {
        if (this.#silentSince === undefined) return handle.append(entries, madeFrom);
        throw new JournalError("The engine does not answer.", "nothing written");
      },
    }));
    return {
      ...stored,
      engine: this,
      isWritable: async () => this.#silentSince === undefined,
      close: async () => {},
    };
  }
}

const STATS: EngineStats = {
  appends: 2,
  entries: 30,
  appendMs: 400,
  failedAppends: 6,
  oldestAppendMs: 0,
  conflicts: 5,
  polls: 60,
  pollMs: 7_000,
  lag: 8,
  generations: 9,
  leases: 10,
};
