import { crc32 } from "node:zlib";
import { DamagedFileError } from "./lmdb-file.js";

/**
 * The entries of one append in the write-ahead log. A frame is valid as a whole or not at all:
 *
 *     0   magic         4 bytes
 *     4   length        4 bytes, of the whole frame, a multiple of 8
 *     8   CRC-32        4 bytes, of everything below
 *     12  file length   4 bytes, when the frame was written
 *     16  commit        8 bytes: the transaction of the LMDB file that the frame follows
 *     24  revision      8 bytes, of the first entry
 *     32  jobs          8 bytes: their number after this append
 *     40  epoch         12 bytes
 *     56  records       each with its length in 4 bytes
 */
export interface LogFrame {
  readonly fileBytes: number;
  readonly commit: number;
  readonly epoch: string;
  readonly firstRevision: number;
  readonly jobCount: number;
  readonly records: readonly Buffer[];
}

export function frameBytes(records: readonly Buffer[]): number {
  const bytes = records.reduce((sum, record) => sum + LENGTH + record.length, HEADER);
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

export function encodeFrame(frame: LogFrame): Buffer {
  const bytes = Buffer.alloc(frameBytes(frame.records));
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt32LE(bytes.length, 4);
  bytes.writeUInt32LE(frame.fileBytes, 12);
  bytes.writeDoubleLE(frame.commit, 16);
  bytes.writeDoubleLE(frame.firstRevision, 24);
  bytes.writeDoubleLE(frame.jobCount, 32);
  bytes.write(frame.epoch, 40, "latin1");
  let at = HEADER;
  for (const record of frame.records) {
    at = bytes.writeUInt32LE(record.length, at);
    at += record.copy(bytes, at);
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(CHECKED)), 8);
  return bytes;
}

/**
 * The frames that follow this transaction of the LMDB file. An unfinished frame at the end was never acknowledged and is
 * ignored, and so are frames of earlier transactions, which the file contains.
 * @throws DamagedFileError if an acknowledged frame is unreadable, or if the log is newer than the file
 */
export function framesAfter(bytes: Buffer, head: LogPosition): LogFrame[] {
  const first = frameAt(bytes, 0);
  if (first && isLater(first, head))
    throw new DamagedFileError(
      `its log follows commit ${first.commit}, but its newest snapshot is commit ${head.commit}: the file is older than its log`,
    );
  const frames: LogFrame[] = [];
  let at = 0;
  let next = head.revision + 1;
  for (let frame = first; frame && isAfter(frame, head, next); frame = frameAt(bytes, at)) {
    frames.push(frame);
    at += bytes.readUInt32LE(at + 4);
    next += frame.records.length;
  }
  checkEnd(bytes, at, head, next, frames.at(-1));
  return frames;
}

/** Whether the log follows a later transaction of the file than this one. */
export function isLaterLog(bytes: Buffer, head: LogPosition): boolean {
  const first = frameAt(bytes, 0);
  return first !== undefined && isLater(first, head);
}

/** Every valid frame, wherever it is, in the order of the bytes. */
export function* allFrames(bytes: Buffer, from = 0): Generator<LogFrame, void> {
  for (let at = bytes.indexOf(MAGIC_BYTES, from); at >= 0; at = bytes.indexOf(MAGIC_BYTES, at + 1)) {
    const frame = frameAt(bytes, at);
    if (frame) yield frame;
  }
}

/** The newest transaction of an LMDB file. */
export interface LogPosition {
  readonly epoch: string;
  readonly commit: number;
  readonly revision: number;
}

/** An unfinished frame is the last one, and lies within the file, which is extended before a frame is written. */
function checkEnd(
  bytes: Buffer,
  at: number,
  head: LogPosition,
  next: number,
  last: LogFrame | undefined,
): void {
  for (const later of allFrames(bytes, at))
    if (later.firstRevision >= next && isOf(later, head))
      throw new DamagedFileError(`entry ${next} in its log is damaged`);
  const isHeader = at + HEADER <= bytes.length && bytes.readUInt32LE(at) === MAGIC;
  const isCut = isHeader && isOf(headerAt(bytes, at), head) && at + bytes.readUInt32LE(at + 4) > bytes.length;
  if (isCut || (last && last.fileBytes > bytes.length))
    throw new DamagedFileError(`its log ends after ${bytes.length} bytes, before entry ${next}`);
}

function isAfter(frame: LogFrame, head: LogPosition, next: number): boolean {
  return isOf(frame, head) && frame.firstRevision === next;
}

function isLater({ epoch, commit }: LogFrame, head: LogPosition): boolean {
  return epoch === head.epoch && commit > head.commit;
}

function isOf({ epoch, commit }: Pick<LogFrame, "epoch" | "commit">, head: LogPosition): boolean {
  return epoch === head.epoch && commit === head.commit;
}

/** The frame at this place, or undefined if there is no valid one. */
function frameAt(bytes: Buffer, at: number): LogFrame | undefined {
  if (at + HEADER > bytes.length || bytes.readUInt32LE(at) !== MAGIC) return undefined;
  const length = bytes.readUInt32LE(at + 4);
  if (length < HEADER || at + length > bytes.length) return undefined;
  const frame = bytes.subarray(at, at + length);
  if (frame.readUInt32LE(8) !== crc32(frame.subarray(CHECKED))) return undefined;
  return { ...headerAt(frame, 0), records: recordsIn(frame) };
}

function headerAt(bytes: Buffer, at: number): Omit<LogFrame, "records"> {
  return {
    fileBytes: bytes.readUInt32LE(at + 12),
    commit: bytes.readDoubleLE(at + 16),
    firstRevision: bytes.readDoubleLE(at + 24),
    jobCount: bytes.readDoubleLE(at + 32),
    epoch: bytes.toString("latin1", at + 40, at + 52),
  };
}

/** After the last record there is only padding, which is shorter than a length or reads as length 0. */
function recordsIn(frame: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = HEADER; at + LENGTH <= frame.length;) {
    const length = frame.readUInt32LE(at);
    if (length === 0) break;
    records.push(frame.subarray(at + LENGTH, at + LENGTH + length));
    at += LENGTH + length;
  }
  return records;
}

const MAGIC = 0x674c_6d54; // "TmLg"
const MAGIC_BYTES = Buffer.from("TmLg");
const HEADER = 56;
const CHECKED = 12;
const LENGTH = 4;
/** Magic and length share a sector, so that a disk writes both or neither. */
const ALIGNMENT = 8;
