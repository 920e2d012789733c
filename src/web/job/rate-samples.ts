/**
 * How fast a job was, from when somebody began to look: a bounded series. When it is full each two samples become one,
 * so that it always covers the whole time, ever more coarsely.
 */
export interface RateSample {
  /** Milliseconds since 1970, by the server's clock. */
  readonly at: number;
  /** Units a second; null where that was not known. */
  readonly rate: number | null;
}

export class RateSamples {
  #samples: RateSample[] = [];
  #spacingMs: number;
  readonly #countMax: number;

  constructor(countMax = 600, spacingMs = 250) {
    this.#countMax = countMax;
    this.#spacingMs = spacingMs;
  }

  get all(): readonly RateSample[] {
    return this.#samples;
  }

  /** The newest takes the place of the one before while that is too close to the one before it. */
  add(sample: RateSample): void {
    const last = this.#samples.at(-1);
    if (last && sample.at <= last.at) return;
    const isClose = sample.at - (this.#samples.at(-2)?.at ?? -Infinity) < this.#spacingMs;
    this.#samples = [...(isClose ? this.#samples.slice(0, -1) : this.#samples), sample];
    if (this.#samples.length > this.#countMax) this.#thin();
  }

  #thin(): void {
    this.#spacingMs *= 2;
    this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
  }
}
