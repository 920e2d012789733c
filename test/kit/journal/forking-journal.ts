import { createMemoryJournal } from "../../../src/journal/memory/memory-journal.js";
import {
  FIRST_GENERATION,
  type DatabaseJournal,
  type Generation,
  type Journal,
  type JournalEntry,
  type JournalNews,
  type JournalOptions,
  type JournalPoint,
} from "../../../src/journal/journal.js";
import type { DatabaseName } from "../../../src/tasks/names.js";
import { ChangeSignal } from "../../../src/util/change-signal.js";

/**
 * A journal in memory of one database, shared by all that open it, as a database server is by several Tidemarks. A
 * failover loses the newest entries and begins a generation.
 */
export class ForkingJournal implements Journal {
  readonly supports = { durability: false, otherWriters: true };
  readonly #options: JournalOptions;
  readonly #changed = new ChangeSignal();
  #inner: Promise<DatabaseJournal>;
  #entries: JournalEntry[] = [];
  #generations: readonly Generation[] = [FIRST_GENERATION];
  #epoch = "";
  #followError: Error | undefined;
  #appends: Promise<void> = Promise.resolve();
  holdsLease = true;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#inner = this.#replay();
  }

  /** Another server takes over. It has the entries up to `revision`. */
  async failOver(revision = this.#entries.length): Promise<void> {
    this.#entries = this.#entries.slice(0, revision);
    this.#generations = [...this.#generations, { id: `g${this.#generations.length}`, startsAt: revision }];
    this.#inner = this.#replay();
    await this.#inner;
    this.#changed.notify();
  }

  /** Holds each append, before it is written, until the returned function is called. */
  holdAppends(): () => void {
    let release = (): void => {};
    this.#appends = new Promise((resolve) => (release = resolve));
    return () => release();
  }

  /** Makes all followers fail. */
  failFollowing(error: Error): void {
    this.#followError = error;
    this.#changed.notify();
  }

  async open(): Promise<DatabaseJournal> {
    return {
      load: async (take) => {
        const inner = await this.#inner;
        const head = await inner.load((slice) => take({ ...slice, ...this.#history }));
        return { ...head, ...this.#history, generations: this.#generations };
      },
      append: async (entries, madeFrom) => {
        await this.#appends;
        const { epoch, generation } = this.#history;
        if (madeFrom && (madeFrom.epoch !== epoch || madeFrom.generation !== generation))
          return { kind: "stale" };
        const result = await (await this.#inner).append(entries);
        if (result.kind === "appended") this.#entries.push(...entries);
        this.#changed.notify();
        return result;
      },
      erase: () => Promise.reject(new Error("not a part of this journal")),
      find: async (commitId) => (await this.#inner).find(commitId),
      follow: (point, signal) => this.#follow(point, signal),
      head: async () => ({ ...this.#history, revision: this.#entries.length }),
      holdsLease: () => this.holdsLease,
      close: async () => {},
    };
  }

  async databases(): Promise<readonly { name: DatabaseName; jobCount: number }[]> {
    return [];
  }

  async recent(): Promise<readonly DatabaseName[]> {
    return [];
  }

  async isWritable(): Promise<boolean> {
    return true;
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  get #history(): { epoch: string; generation: string } {
    return { epoch: this.#epoch, generation: this.#generations.at(-1)!.id };
  }

  async *#follow(point: () => JournalPoint, signal: AbortSignal): AsyncGenerator<JournalNews, void> {
    while (!signal.aborted) {
      if (this.#followError) throw this.#followError;
      const seen = this.#changed.count;
      const news = this.#newsAfter(point());
      if (news) yield news;
      else await this.#changed.wait(seen, signal);
      if (news?.kind === "gone") return;
    }
  }

  #newsAfter(point: JournalPoint): JournalNews | undefined {
    if (!this.#includes(point)) return { kind: "gone" };
    if (point.generation !== this.#history.generation)
      return { kind: "generation", generations: this.#generations };
    const records = this.#entries
      .slice(point.revision)
      .map((entry, index) => ({ revision: point.revision + index + 1, entry }));
    return records.length > 0 ? { kind: "entries", records } : undefined;
  }

  #includes({ epoch, generation, revision }: JournalPoint): boolean {
    const index = this.#generations.findIndex(({ id }) => id === generation);
    const end = this.#generations[index + 1]?.startsAt ?? Infinity;
    return epoch === this.#epoch && index !== -1 && revision <= end;
  }

  async #replay(): Promise<DatabaseJournal> {
    const handle = await createMemoryJournal(this.#options).open("forking" as DatabaseName);
    const { epoch } = await handle.load(() => {});
    if (this.#epoch === "") this.#epoch = epoch;
    if (this.#entries.length > 0) await handle.append(this.#entries);
    return handle;
  }
}
