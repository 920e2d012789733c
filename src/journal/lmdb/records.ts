import { crc32 } from "node:zlib";
import type { JobKey } from "../../tasks/names.js";
import type { RateEstimate } from "../../tasks/rate-estimate.js";
import type { IterationMode } from "../../tasks/task.js";
import type { LeafRow, TaskRow, VersionedRow } from "../../tasks/task-rows.js";
import { TASK_STATUSES, type TaskStatus } from "../../tasks/task-status.js";
import { unreachable } from "../../util/assert.js";
import { BoundedCache } from "../../util/bounded-cache.js";
import { UnknownFormatError, type JournalEntry, type StoredJob, type StoredRemoval } from "../journal.js";
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
  const { change } = entry;
  if (change.kind === "removed") return encodeRecord(key, entry);
  return encodeRecord(key, { ...entry, change: { ...change, tasks: change.tasks.map(fieldsOf) } });
}

/** Decodes the head. @throws DamagedFileError, UnknownFormatError */
export function decodeHead(key: Buffer, bytes: Buffer): DatabaseHead {
  const head = decodeRecord(key, bytes) as DatabaseHead;
  if (head.format !== FORMAT) throw new UnknownFormatError(`a head of format ${head.format}`);
  return head;
}

/** @throws DamagedFileError, UnknownFormatError */
export function decodeEntry(key: Buffer, bytes: Buffer): JournalEntry {
  // Safe: the checksum proves that an encoded entry was read.
  const entry = decodeRecord(key, bytes) as JournalEntry;
  if (entry.format !== FORMAT) throw new UnknownFormatError(`an entry of format ${entry.format}`);
  if (!CHANGES.has(entry.change.kind))
    throw new UnknownFormatError(`a change of the kind ${JSON.stringify(entry.change.kind)}`);
  if (entry.change.kind === "removed") return entry;
  const tasks = (entry.change.tasks as unknown as RowFields[]).map((fields) => rowOf(fields, fields.length));
  return { ...entry, change: { ...entry.change, tasks } };
}

export function encodeJob(key: Buffer, job: StoredJob): EncodedRecord {
  const tasks = job.tasks.map(({ row, revision }) => [...fieldsOf(row), revision]);
  return encodeRecord(key, { ...job, tasks });
}

/** @throws DamagedFileError, UnknownFormatError */
export function decodeJob(key: Buffer, bytes: Buffer): StoredJob {
  const job = decodeRecord(key, bytes) as StoredJob;
  const tasks = (job.tasks as unknown as VersionedFields[]).map(versionedRowOf);
  return { ...job, tasks };
}

/** The first files have the revision before the row, where later ones have the number of the kind. */
function versionedRowOf(fields: VersionedFields): VersionedRow {
  if (typeof fields[1] === "string")
    return { row: rowOf(fields, fields.length - 1), revision: fields.at(-1) as number };
  const [revision, ...row] = fields as unknown as [number, ...RowFields];
  return { row: rowOf(row, row.length), revision };
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

type OwnFields = [
  kind: number,
  path: string,
  description: string,
  status: number | string,
  startedAt: number | null,
  endedAt: number | null,
  message: string | null,
  maxConcurrency: number | null,
  isExcluded: 0 | 1,
];
type RowFields = [...OwnFields, ...rest: unknown[]];
type VersionedFields = [...RowFields, revision: number];

const KINDS = ["LEAF", "INTERMEDIATE", "ITERATIVE"] as const;

/** A leaf that has not begun. Most tasks start as one, so they have a short form. */
type PendingLeafFields = [
  kind: typeof PENDING_LEAF,
  path: string,
  description: string,
  maxConcurrency: number | null,
  volume: number | null,
  ...rest: unknown[],
];

const PENDING_LEAF = 3;

function fieldsOf(row: TaskRow): RowFields | PendingLeafFields {
  if (row.kind === "LEAF" && hasNotBegun(row))
    return [PENDING_LEAF, row.path, row.description, row.maxConcurrency, row.volume];
  const own: OwnFields = [
    KINDS.indexOf(row.kind),
    row.path,
    row.description,
    TASK_STATUSES.indexOf(row.status),
    row.startedAt,
    row.endedAt,
    row.message,
    row.maxConcurrency,
    row.isExcluded ? 1 : 0,
  ];
  switch (row.kind) {
    case "LEAF":
      return row.rateEstimate
        ? [
            ...own,
            row.volume,
            row.done,
            [row.rateEstimate.rate, row.rateEstimate.spanMs, row.rateEstimate.gapMs],
          ]
        : [...own, row.volume, row.done];
    case "INTERMEDIATE":
      return own;
    case "ITERATIVE":
      return [...own, row.mode, row.maxIterations, row.begunIterations, row.template];
    default:
      return unreachable(row);
  }
}

function hasNotBegun(row: LeafRow): boolean {
  const isBare = row.startedAt === null && row.endedAt === null && row.message === null;
  return row.status === "PENDING" && isBare && !row.isExcluded && row.done === 0;
}

/**
 * Copies field by field, because there may be millions.
 * @param count the number of fields of the row, which a revision may follow
 * @throws UnknownFormatError
 */
function rowOf(fields: RowFields | PendingLeafFields, count: number): TaskRow {
  if (isPendingLeaf(fields)) {
    checkCount(fields, count, PENDING_LEAF_FIELDS);
    return {
      kind: "LEAF",
      path: fields[1],
      description: internDescription(fields[2]),
      status: "PENDING",
      startedAt: null,
      endedAt: null,
      message: null,
      maxConcurrency: fields[3],
      isExcluded: false,
      volume: fields[4],
      done: 0,
      rateEstimate: null,
    };
  }
  const path = fields[1];
  const description = internDescription(fields[2]);
  const status = statusOf(fields[3]);
  const startedAt = fields[4];
  const endedAt = fields[5];
  const message = fields[6];
  const maxConcurrency = fields[7];
  const isExcluded = fields[8] === 1;
  switch (KINDS[fields[0]]) {
    case "LEAF": {
      checkCount(fields, count, LEAF_FIELDS, LEAF_FIELDS_WITH_RATE);
      const volume = fields[9] as number | null;
      const done = fields[10] as number;
      const rateEstimate = rateEstimateOf(fields[11]);
      return {
        kind: "LEAF",
        path,
        description,
        status,
        startedAt,
        endedAt,
        message,
        maxConcurrency,
        isExcluded,
        volume,
        done,
        rateEstimate,
      };
    }
    case "INTERMEDIATE":
      checkCount(fields, count, OWN_FIELDS);
      return {
        kind: "INTERMEDIATE",
        path,
        description,
        status,
        startedAt,
        endedAt,
        message,
        maxConcurrency,
        isExcluded,
      };
    case "ITERATIVE": {
      checkCount(fields, count, ITERATIVE_FIELDS);
      const own = { path, description, status, startedAt, endedAt, message, maxConcurrency, isExcluded };
      const [mode, maxIterations, begunIterations, template] = fields.slice(9) as IterativeFields;
      if (!MODES.has(mode)) throw new UnknownFormatError(`iterations of the mode ${JSON.stringify(mode)}`);
      return { kind: "ITERATIVE", ...own, mode, maxIterations, begunIterations, template };
    }
    default:
      throw new UnknownFormatError(`a task of kind ${JSON.stringify(fields[0])}`);
  }
}

/** A field that is not a list holds no estimate. Most leaves have none, and older files had other fields here. */
function rateEstimateOf(field: unknown): RateEstimate | null {
  if (!Array.isArray(field)) return null;
  const [rate, spanMs, gapMs] = field as [number, number, number];
  return { rate, spanMs, gapMs };
}

/** The first files have the status as text. */
function statusOf(field: number | string): TaskStatus {
  const status =
    typeof field === "number" ? TASK_STATUSES[field] : TASK_STATUSES.find((name) => name === field);
  if (status === undefined) throw new UnknownFormatError(`a task with the status ${JSON.stringify(field)}`);
  return status;
}

/** A field that was added by a later version must not be lost. */
function checkCount(fields: readonly unknown[], count: number, known: number, alsoKnown = known): void {
  if (count !== known && count !== alsoKnown)
    throw new UnknownFormatError(`a task of kind ${JSON.stringify(fields[0])} with ${count} fields`);
}

function isPendingLeaf(fields: RowFields | PendingLeafFields): fields is PendingLeafFields {
  return fields[0] === PENDING_LEAF;
}

/** Returns one string for equal descriptions: similar jobs share them, and there may be millions of tasks. */
function internDescription(description: string): string {
  const known = internedDescriptions.get(description);
  if (known !== undefined) return known;
  internedDescriptions.set(description, description);
  return description;
}

const internedDescriptions = new BoundedCache<string, string>(1_000);

type IterativeRow = Extract<TaskRow, { kind: "ITERATIVE" }>;
type IterativeFields = [
  mode: IterativeRow["mode"],
  maxIterations: IterativeRow["maxIterations"],
  begunIterations: IterativeRow["begunIterations"],
  template: IterativeRow["template"],
];

const FORMAT = 1;
const CHANGES = new Set<string>(["stored", "updated", "removed"]);
const MODES = new Set<string>(["FIXED", "DYNAMIC", "OPEN"] satisfies IterationMode[]);

const PENDING_LEAF_FIELDS = 5;
const OWN_FIELDS = 9;
const LEAF_FIELDS = 11;
const LEAF_FIELDS_WITH_RATE = 12;
const ITERATIVE_FIELDS = 13;

const CHECKSUM_BYTES = 4;
