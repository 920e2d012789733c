import type { RootDatabase } from "lmdb";
import {
  checksumOfRecord,
  encodeRecord,
  HEAD_KEY,
  type DatabaseHead,
  type EncodedRecord,
} from "./records.js";
import { largeBytesOf, maxSize, NO_SIZE, type TransactionSize } from "./space-reservation.js";

/** The writes of one transaction, and their effects on this object. */
export class Transaction {
  readonly head: MutableHead;
  readonly writes: { readonly key: Buffer; readonly bytes: Buffer | undefined }[] = [];
  readonly effects: (() => void)[] = [];
  readonly size = { largeBytes: 0, bytes: 0, pages: 0 };
  readonly #sizeMin: TransactionSize;
  /** Whether it is for removed jobs, so that it may use the space that is reserved for them. */
  readonly isRemoval: boolean;

  /** @param sizeMin the least space to reserve */
  constructor(head: DatabaseHead, { isRemoval = false, sizeMin = NO_SIZE }: TransactionOptions = {}) {
    this.head = { ...head, commit: head.commit + 1 };
    this.isRemoval = isRemoval;
    this.#sizeMin = sizeMin;
  }

  /** The space to reserve. */
  get reservedSize(): TransactionSize {
    return maxSize(this.size, this.#sizeMin);
  }

  /** @param old the record that this one replaces */
  put(
    key: Buffer,
    { bytes, checksum }: EncodedRecord,
    { old, pages = 0 }: { old?: Buffer | undefined; pages?: number } = {},
  ): void {
    this.writes.push({ key, bytes });
    const largeBytes = largeBytesOf(bytes.length);
    this.size.largeBytes += largeBytes;
    this.size.bytes += RECORD_BYTES + key.length + (largeBytes > 0 ? 0 : bytes.length);
    this.size.pages += pages;
    if (old) this.#count(-1, -checksumOfRecord(old));
    this.#count(1, checksum);
  }

  /** Pages that become empty are reused in the same transaction, so adjacent records take none. */
  remove(key: Buffer, checksum: number, pages = 0): void {
    this.writes.push({ key, bytes: undefined });
    this.size.pages += pages;
    this.#count(-1, -checksum);
  }

  #count(records: number, checksum: number): void {
    this.head.recordCount += records;
    this.head.checksum = (this.head.checksum + checksum + 2 ** 32) % 2 ** 32;
  }
}

/** Resolves when LMDB has synced the transaction. */
export async function writeTransaction(
  env: RootDatabase<Buffer, Buffer>,
  { writes, head }: Transaction,
): Promise<void> {
  try {
    await env.batch(() => {
      for (const { key, bytes } of writes) void (bytes ? env.put(key, bytes) : env.remove(key));
      void env.put(HEAD_KEY, encodeRecord(HEAD_KEY, head).bytes);
    });
  } catch (error) {
    // The error carries another rejected promise, which would otherwise be unhandled.
    void (error as { commitError?: Promise<never> }).commitError?.catch(() => undefined);
    throw error;
  }
}

export type MutableHead = { -readonly [K in keyof DatabaseHead]: DatabaseHead[K] };

export interface TransactionOptions {
  readonly isRemoval?: boolean;
  readonly sizeMin?: TransactionSize;
}

/** What LMDB keeps with a record. */
const RECORD_BYTES = 32;
