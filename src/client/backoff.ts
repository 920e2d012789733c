/**
 * How long to wait before the next try: longer each time, and scattered, so that those whom one server has left do
 * not all come back at the same moment.
 */
export class Backoff {
  readonly #firstMs: number;
  readonly #longestMs: number;
  #failureCount = 0;

  /** @param firstMs the longest that the first pause can be; each can be twice as long as the one before. */
  constructor({ firstMs = 500, longestMs = 15_000 }: { firstMs?: number; longestMs?: number } = {}) {
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
  }

  /** Whether the latest try failed. */
  get isFailing(): boolean {
    return this.#failureCount > 0;
  }

  succeeded(): void {
    this.#failureCount = 0;
  }

  /** Returns the pause before the next try, milliseconds. */
  failed(): number {
    const longest = Math.min(this.#longestMs, this.#firstMs * 2 ** this.#failureCount);
    this.#failureCount += 1;
    return longest * (0.5 + Math.random() / 2);
  }
}
