/**
 * How fast a job was, from when somebody began to look: what was done, now and then, and what that makes a second. It is
 * measured here, as the server knows the rate of a running leaf only, and not of a job whose leaves come and go.
 */
export interface DoneSample {
  /** Milliseconds since 1970, by the server's clock. */
  readonly at: number;
  /** Units done by then. */
  readonly done: number;
}

/** Units a second up to this moment. */
export interface RatePoint {
  readonly at: number;
  readonly rate: number;
}

/** A bounded series: when it is full each two samples become one, so it always covers the whole time, ever more coarsely. */
export class RateSamples {
  #samples: DoneSample[] = [];
  #spacingMs: number;
  readonly #countMax: number;

  constructor(countMax = 600, spacingMs = 250) {
    this.#countMax = countMax;
    this.#spacingMs = spacingMs;
  }

  /** When it began. */
  get since(): number | undefined {
    return this.#samples[0]?.at;
  }

  /** The newest takes the place of the one before while that is too close to the one before it. */
  add(sample: DoneSample): void {
    const last = this.#samples.at(-1);
    if (last && sample.at <= last.at) return;
    const isClose = sample.at - (this.#samples.at(-2)?.at ?? -Infinity) < this.#spacingMs;
    this.#samples = [...(isClose ? this.#samples.slice(0, -1) : this.#samples), sample];
    if (this.#samples.length > this.#countMax) this.#thin();
  }

  /** The rate at each sample but the first, over the latest seconds before it. */
  points(): RatePoint[] {
    let from = 0;
    return this.#samples.slice(1).map(({ at, done }, index) => {
      while (from < index && at - this.#samples[from + 1]!.at >= WINDOW_MS) from++;
      const before = this.#samples[from]!; // `from` is at most `index`, which is before this one
      return { at, rate: Math.max(0, (1_000 * (done - before.done)) / (at - before.at)) };
    });
  }

  #thin(): void {
    this.#spacingMs *= 2;
    this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
  }
}

/** Reports come in steps: over a shorter time these would be seen, and not the rate. */
const WINDOW_MS = 4_000;
