import { Mutex, Semaphore } from "async-mutex";

export { Mutex, Semaphore };

/**
 * A lock for each name: work under one name runs one at a time, in the order of the calls; work under different
 * names runs concurrently. A name takes memory only while its lock is held or awaited.
 */
export class KeyedMutex {
  readonly #mutexes = new Map<string, { mutex: Mutex; users: number }>();

  async runExclusive<T>(name: string, work: () => Promise<T>): Promise<T> {
    const entry = this.#mutexes.get(name) ?? { mutex: new Mutex(), users: 0 };
    this.#mutexes.set(name, entry);
    entry.users++;
    try {
      return await entry.mutex.runExclusive(work);
    } finally {
      if (--entry.users === 0) this.#mutexes.delete(name);
    }
  }
}
