import type { EngineStats } from "../journal.js";

/** What this process did with the engine since it opened the journal. */
export class EngineCounters {
  readonly #counts = {
    appends: 0,
    entries: 0,
    appendMs: 0,
    conflicts: 0,
    polls: 0,
    pollMs: 0,
    generations: 0,
  };

  appended(entries: number, ms: number): void {
    this.#counts.appends++;
    this.#counts.entries += entries;
    this.#counts.appendMs += ms;
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
    return { ...this.#counts, ...now };
  }
}
