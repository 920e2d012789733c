/**
 * How long to wait before the next attempt. The first break is mended at once; after that pauses double, up to half a
 * minute, and are scattered, so that those whom one restart has cut off do not come back all at the same moment.
 */
export class WatchPauses {
  readonly #random: () => number;
  #breaks = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** To be called when a connection has held long enough to be trusted. */
  calm(): void {
    this.#breaks = 0;
  }

  /** Milliseconds. @param isGoingAway whether the server has said that it stops: then there is nothing at once. */
  next(isGoingAway = false): number {
    this.#breaks++;
    if (this.#breaks === 1 && !isGoingAway) return 0;
    const longest = Math.min(PAUSE_MAX_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, this.#breaks - 2));
    return longest * (0.5 + this.#random() / 2);
  }
}

const FIRST_PAUSE_MS = 500;
const PAUSE_MAX_MS = 30_000;
