import type { EngineStats } from "../journal.js";

/** What this process did with the engine since it opened the journal. */
export class EngineCounters {
  readonly #counts = {
    appends: 0,
    failedAppends: 0,
    entries: 0,
    appendMs: 0,
    conflicts: 0,
    polls: 0,
    pollMs: 0,
    generations: 0,
  };

  readonly #waitingSince = new Set<{ readonly at: number }>();

  /** Runs a write, which may wait for a standby. */
  async whileWaiting<T>(write: () => Promise<T>): Promise<T> {
    const since = { at: performance.now() };
    this.#waitingSince.add(since);
    try {
      return await write();
    } finally {
      this.#waitingSince.delete(since);
    }
  }

  appended(entries: number, ms: number): void {
    this.#counts.appends++;
    this.#counts.entries += entries;
    this.#counts.appendMs += ms;
  }

  appendFailed(): void {
    this.#counts.failedAppends++;
  }

  conflicted(): void {
    this.#counts.conflicts++;
  }

  polled(ms: number): void {
    this.#counts.polls++;
    this.#counts.pollMs += ms;
  }

  generationBegan(): void {
    this.#counts.generations++;
  }

  stats(now: Pick<EngineStats, "lag" | "leases">): EngineStats {
    const [oldest] = this.#waitingSince; // in the order of their beginning
    return { ...this.#counts, ...now, oldestAppendMs: oldest ? performance.now() - oldest.at : 0 };
  }
}
