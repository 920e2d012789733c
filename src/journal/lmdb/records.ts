import { crc32 } from "node:zlib";
import type { JobKey } from "../../tasks/names.js";
import {
  UnknownFormatError,
  type Generation,
  type JournalEntry,
  type StoredJob,
  type StoredRemoval,
} from "../journal.js";
import { entryOfPlain, jobOfPlain, plainEntry, plainJob } from "../plain-records.js";
import { DamagedFileError } from "./lmdb-file.js";

/**
 * The records of a database's LMDB file, in the order of their keys:
 *
 *     0                       head      counts and revisions of the whole file
 *     1 <revision>            entry     the newest entries, without a gap
 *     2 <username> 0 <jobId>  job       the job at its revision; entries with a higher revision are newer
 *     3 <revision>            removal   the tombstone of a removed job
 *
 * A value is a CRC-32 of key and text, followed by JSON that a person can read. The key is included so that a
 * record in the place of another is detected. Rows are arrays to save space: their fields have a fixed order.
 */

export interface DatabaseHead {
  readonly format: 1;
  /** Incremented by every transaction of this file, so that the newer of two snapshots can be identified. */
  readonly commit: number;
  readonly epoch: string;
  /** Those of a history that was imported; absent if there is only the first. */
  readonly generations?: readonly Generation[];
  /** The revision of the newest entry. */
  readonly revision: number;
  /** The tombstone horizon: the newest removal that was forgotten. */
  readonly floor: number;
  /** The oldest entry in the file; `revision` + 1 if there is none. */
  readonly entriesFrom: number;
  readonly jobCount: number;
  /** The number of records without the head, and the sum of their checksums modulo 2 ** 32, to detect missing records. */
  readonly recordCount: number;
  readonly checksum: number;
}

export const KIND = { head: 0, entry: 1, job: 2, removal: 3 } as const;

export const HEAD_KEY = Buffer.from([KIND.head]);

export function entryKey(revision: number): Buffer {
  return numberedKey(KIND.entry, revision);
}

export function removalKey(revision: number): Buffer {
  return numberedKey(KIND.removal, revision);
}

export function jobRecordKey(id: string): Buffer {
  return Buffer.from(`${String.fromCharCode(KIND.job)}${id}`);
}

/** The revision in the key of an entry or a removal. */
export function revisionOfKey(key: Buffer): number {
  return key.readUIntBE(1, 6);
}

/** A value as it is written, and its checksum. */
export interface EncodedRecord {
  readonly bytes: Buffer;
  readonly checksum: number;
}

export function encodeRecord(key: Buffer, value: unknown): EncodedRecord {
  const text = JSON.stringify(value);
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(CHECKSUM_BYTES + length);
  bytes.write(text, CHECKSUM_BYTES);
  const checksum = checksumOf(key, bytes);
  bytes.writeUInt32LE(checksum, 0);
  return { bytes, checksum };
}

/** Decodes the JSON value of a record. @throws DamagedFileError if it is not what was encoded under this key. */
export function decodeRecord(key: Buffer, bytes: Buffer): unknown {
  checkRecord(key, bytes);
  return JSON.parse(bytes.toString("utf8", CHECKSUM_BYTES));
}

/** @throws DamagedFileError if the record is not what was encoded under this key */
export function checkRecord(key: Buffer, bytes: Buffer): void {
  if (bytes.length < CHECKSUM_BYTES || bytes.readUInt32LE(0) !== checksumOf(key, bytes))
    throw new DamagedFileError(`the checksum of ${describe(key)} is wrong`);
}

/** The checksum in an encoded record. */
export function checksumOfRecord(bytes: Buffer): number {
  return bytes.readUInt32LE(0);
}

export function encodeEntry(key: Buffer, entry: JournalEntry): EncodedRecord {
  return encodeRecord(key, plainEntry(entry));
}

/** Decodes the head. @throws DamagedFileError, UnknownFormatError */
export function decodeHead(key: Buffer, bytes: Buffer): DatabaseHead {
  const head = decodeRecord(key, bytes) as DatabaseHead;
  if (head.format !== FORMAT) throw new UnknownFormatError(`a head of format ${head.format}`);
  return head;
}

/** @throws DamagedFileError, UnknownFormatError */
export function decodeEntry(key: Buffer, bytes: Buffer): JournalEntry {
  return entryOfPlain(decodeRecord(key, bytes)); // the checksum proves that an encoded entry was read
}

export function encodeJob(key: Buffer, job: StoredJob): EncodedRecord {
  return encodeRecord(key, plainJob(job));
}

/** @throws DamagedFileError, UnknownFormatError */
export function decodeJob(key: Buffer, bytes: Buffer): StoredJob {
  return jobOfPlain(decodeRecord(key, bytes));
}

export function decodeRemoval(key: Buffer, bytes: Buffer): StoredRemoval {
  return decodeRecord(key, bytes) as StoredRemoval;
}

/** The error for an intact record of a kind that this version does not know. @throws DamagedFileError */
export function unknownRecord(key: Buffer, bytes: Buffer): UnknownFormatError {
  decodeRecord(key, bytes);
  return new UnknownFormatError(`a record of kind ${key[0]}`);
}

function numberedKey(kind: number, revision: number): Buffer {
  const key = Buffer.allocUnsafe(7);
  key[0] = kind;
  key.writeUIntBE(revision, 1, 6);
  return key;
}

function checksumOf(key: Buffer, bytes: Buffer): number {
  return crc32(bytes.subarray(CHECKSUM_BYTES), crc32(key));
}

function describe(key: Buffer): string {
  if (key[0] === KIND.head) return "the head";
  if (key[0] === KIND.job) return `job ${JSON.stringify(nameOf(key))}`;
  return `${key[0] === KIND.entry ? "entry" : "removal"} ${key.length === 7 ? revisionOfKey(key) : ""}`;
}

function nameOf(key: Buffer): JobKey {
  const [username = "", jobId = ""] = key.toString("utf8", 1).split("\u0000");
  return { username, jobId } as JobKey;
}

const FORMAT = 1;
const CHECKSUM_BYTES = 4;
