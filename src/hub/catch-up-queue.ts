/** A subscriber that is behind and pulls for itself. */
export interface CatchUpPuller {
  /** An estimate of the events that it has not received, below 2^32. */
  readonly behind: number;
  /** Delivers the next event. Returns whether another one can follow at once. */
  pull(): boolean;
}

/**
 * The order in which subscribers catch up: the one with the fewest missing events first. It is soon live and shares the
 * work of the others, whereas subscribers that take turns all stay behind and receive each change of a job separately.
 * Every fourth turn goes to the subscriber that has waited longest, so none waits forever. A waiting subscriber holds
 * its position and no events.
 */
export class CatchUpQueue {
  /** By the magnitude of `behind`, so that adding and deleting take constant time. */
  readonly #byMagnitude: readonly Set<CatchUpPuller>[] = Array.from({ length: MAGNITUDES }, () => new Set());
  /** All waiting pullers in order of arrival, with their set. */
  readonly #waiting = new Map<CatchUpPuller, Set<CatchUpPuller>>();
  #takenCount = 0;

  get size(): number {
    return this.#waiting.size;
  }

  /** A puller that is waiting already keeps its place. */
  add(puller: CatchUpPuller): void {
    if (this.#waiting.has(puller)) return;
    const peers = this.#byMagnitude[MAGNITUDES - 1 - Math.clz32(puller.behind)]!;
    peers.add(puller);
    this.#waiting.set(puller, peers);
  }

  delete(puller: CatchUpPuller): void {
    this.#waiting.get(puller)?.delete(puller);
    this.#waiting.delete(puller);
  }

  /** Removes and returns the next puller; undefined if none is waiting. */
  take(): CatchUpPuller | undefined {
    const isForOldest = ++this.#takenCount % OLDEST_EVERY === 0;
    const next = isForOldest ? firstOf(this.#waiting.keys()) : this.#nearest();
    if (next) this.delete(next);
    return next;
  }

  #nearest(): CatchUpPuller | undefined {
    const peers = this.#byMagnitude.find(({ size }) => size > 0);
    return peers && firstOf(peers);
  }
}

/** `Math.clz32` returns 0 to 32. */
const MAGNITUDES = 33;

const OLDEST_EVERY = 4;

function firstOf<T>(values: Iterable<T>): T | undefined {
  for (const value of values) return value;
  return undefined;
}
