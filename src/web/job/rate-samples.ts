/**
 * The rate of a job since its page was opened. The page measures it, as the server knows only the current rate of
 * running leaves.
 */
export interface DoneSample {
  /** Milliseconds since 1970, by the server's clock. */
  readonly at: number;
  readonly done: number;
}

export interface RatePoint {
  readonly at: number;
  /** Units a second. */
  readonly rate: number;
}

/**
 * A bounded series: when it is full, it drops every other sample. So it covers the whole time at a decreasing
 * resolution.
 */
export class RateSamples {
  #samples: DoneSample[] = [];
  #spacingMs: number;
  readonly #countMax: number;

  constructor(countMax = 600, spacingMs = 250) {
    this.#countMax = countMax;
    this.#spacingMs = spacingMs;
  }

  get since(): number | undefined {
    return this.#samples[0]?.at;
  }

  /** Replaces the latest sample if that is closer than the spacing to the one before it. */
  add(sample: DoneSample): void {
    const last = this.#samples.at(-1);
    if (last && sample.at <= last.at) return;
    const isClose = sample.at - (this.#samples.at(-2)?.at ?? -Infinity) < this.#spacingMs;
    this.#samples = [...(isClose ? this.#samples.slice(0, -1) : this.#samples), sample];
    if (this.#samples.length > this.#countMax) this.#thin();
  }

  /** The rate at each sample but the first, over the seconds before it. */
  points(): RatePoint[] {
    let from = 0;
    return this.#samples.slice(1).map(({ at, done }, index) => {
      while (from < index && at - this.#samples[from + 1]!.at >= WINDOW_MS) from++;
      const before = this.#samples[from]!; // safe: `from` is at most `index`
      return { at, rate: Math.max(0, (1_000 * (done - before.done)) / (at - before.at)) };
    });
  }

  #thin(): void {
    this.#spacingMs *= 2;
    this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
  }
}

/** Over a shorter time the chart would show single reports instead of the rate. */
const WINDOW_MS = 4_000;
