import type { RootDatabase } from "lmdb";

/**
 * The readers of one LMDB file in other processes, such as a backup. LMDB keeps every page that a reader may still read,
 * so the file grows while a reader hangs. A reader whose process was killed stays until someone checks for it.
 */
export class ReaderWatch {
  /** When each reader was first seen at its transaction. */
  readonly #since = new Map<string, number>();

  /** Removes dead readers. @param now monotonic, in milliseconds */
  check(env: RootDatabase<Buffer, Buffer>, now: number): void {
    env.readerCheck();
    const current = readersOf(env).flatMap(({ pid, transaction }) =>
      pid === process.pid ? [] : `${pid} ${transaction}`,
    );
    for (const reader of this.#since.keys()) if (!current.includes(reader)) this.#since.delete(reader);
    for (const reader of current) if (!this.#since.has(reader)) this.#since.set(reader, now);
  }

  /** How long the oldest reader has been seen, and its process; undefined if there is none. */
  oldest(now: number): { readonly pid: number; readonly ms: number } | undefined {
    const [reader, since] = this.#since.entries().next().value ?? [];
    if (reader === undefined || since === undefined) return undefined;
    return { pid: Number(reader.split(" ")[0]), ms: now - since };
  }
}

/** The oldest transaction that a reader of any process may read; Infinity without readers. */
export function oldestReaderOf(env: RootDatabase<Buffer, Buffer>): number {
  return Math.min(Infinity, ...readersOf(env).map(({ transaction }) => transaction));
}

/** LMDB lists them as lines of process, thread and transaction, which is `-` for a reader that reads nothing. */
function readersOf(env: RootDatabase<Buffer, Buffer>): { pid: number; transaction: number }[] {
  return [...env.readerList().matchAll(/^\s*(\d+) [0-9a-f]+ (\d+)$/gm)].map(([, pid, transaction]) => ({
    pid: Number(pid),
    transaction: Number(transaction),
  }));
}
