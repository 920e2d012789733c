/** Wakes the waiters of a recurring event. */
export class ChangeSignal {
  readonly #waiters = new Set<() => void>();
  #count = 0;

  /** How often the event has happened. */
  get count(): number {
    return this.#count;
  }

  /** Resolves when the event has happened more than `seen` times, or when `signal` aborts. */
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
