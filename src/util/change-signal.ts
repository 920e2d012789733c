/** Those who wait until something happens, any number of times. */
export class ChangeSignal {
  readonly #waiters = new Set<() => void>();
  #count = 0;

  /** How often it has happened. */
  get count(): number {
    return this.#count;
  }

  /** Resolves when it has happened more than `seen` times, or when `signal` aborts. */
  wait(seen: number, signal: AbortSignal): Promise<void> {
    if (this.#count > seen || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wakeUp = (): void => {
        this.#waiters.delete(wakeUp);
        signal.removeEventListener("abort", wakeUp);
        resolve();
      };
      this.#waiters.add(wakeUp);
      signal.addEventListener("abort", wakeUp);
    });
  }

  notify(): void {
    this.#count++;
    for (const wakeUp of this.#waiters) wakeUp();
  }
}
