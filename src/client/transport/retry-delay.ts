export interface RetryDelayOptions {
  /** The upper bound, milliseconds. */
  readonly longestMs: number;
  /** Whether the first retry follows without a delay. Default false. */
  readonly isFirstImmediate?: boolean;
  /** Returns a number from 0 to below 1. Default `Math.random`. */
  readonly random?: () => number;
}

const FIRST_MS = 500;

/**
 * The delays between retries: exponential, with jitter over the upper half, so that the clients of one server do not
 * all return at the same moment.
 */
export class RetryDelay {
  readonly #options: RetryDelayOptions;
  #failureCount = 0;

  constructor(options: RetryDelayOptions) {
    this.#options = options;
  }

  /** Whether the latest attempt failed. */
  get isFailing(): boolean {
    return this.#failureCount > 0;
  }

  /** An attempt succeeded, so the next delay is the first again. */
  reset(): void {
    this.#failureCount = 0;
  }

  /**
   * An attempt failed. Returns the delay before the next one, milliseconds.
   *
   * @param isGoingAway whether the server announced that it stops. Then even the first retry is delayed.
   */
  nextMs(isGoingAway = false): number {
    const { longestMs, isFirstImmediate = false, random = Math.random } = this.#options;
    const doublings = this.#failureCount++ - Number(isFirstImmediate);
    if (doublings < 0 && !isGoingAway) return 0;
    return Math.min(longestMs, FIRST_MS * 2 ** Math.max(0, doublings)) * (0.5 + random() / 2);
  }
}
