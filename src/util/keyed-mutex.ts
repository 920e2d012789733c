import { Mutex } from "./mutex.js";

/**
 * A lock per name: work under one name runs one at a time, in the order it was asked for; under different
 * names nobody waits for another. A name costs memory only while somebody holds or awaits its lock.
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
