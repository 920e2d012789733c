import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/**
 * Reads an LMDB file page by page and trusts nothing that it has not checked.
 *
 * LMDB itself trusts its pages: one flipped bit in a page number can make it read outside its map, which kills
 * the whole process, or overwrite pages in use. So files are read here first, and opened with LMDB only if
 * their trees, free list and counts agree. This is also the fastest way to load a file.
 *
 * The layout is that of liblmdb's mdb.c, data version 2, on a little-endian 64-bit machine.
 */
export class LmdbFile implements Disposable {
  readonly #fd: number;
  readonly #fileBytes: number;
  readonly #metas: readonly Meta[];
  /** The meta page of the newest transaction, whose snapshot LMDB would use. */
  readonly #meta: Meta;
  readonly #buffers: Buffer[] = [];
  #large = Buffer.alloc(0);

  /** @throws DamagedFileError if it is not an LMDB file, or not a complete one */
  static open(path: string): LmdbFile {
    return openFile(path, (fd) => new LmdbFile(fd, checkedMetas(metasIn(fd), fstatSync(fd).size)));
  }

  /** Opens a damaged file for salvage, at its newest readable transaction. @throws DamagedFileError */
  static openDamaged(path: string): LmdbFile {
    return openFile(path, (fd) => new LmdbFile(fd, readableMetas(fd)));
  }

  private constructor(fd: number, metas: readonly Meta[]) {
    this.#fd = fd;
    this.#fileBytes = fstatSync(fd).size;
    this.#metas = metas;
    this.#meta = newestOf(metas);
  }

  get bytes(): number {
    return this.#fileBytes;
  }

  /**
   * The free pages that the next transaction can reuse.
   * @param oldestReader the transaction that the oldest reader reads; pages that it may use are not counted
   */
  freeBytes(oldestReader: number): number {
    const { transaction, lastPage, pageBytes, free } = this.#meta;
    const end = Math.min(transaction - 1, oldestReader);
    let pages = 0;
    for (const { key, value } of this.#tree(this.#meta, free, new PageSet(lastPage), compareNumbers)) {
      if (word(key, 0) >= end) break;
      for (const { count } of freePagesIn(value)) pages += count;
    }
    return pages * pageBytes;
  }

  /** The end of the pages that are in use or free for reuse. */
  get usedBytes(): number {
    return (this.#meta.lastPage + 1) * this.#meta.pageBytes;
  }

  /**
   * Yields every record of the newest snapshot, in key order. Key and value are valid until the next step; after that,
   * `valueAt` reads a value again. A complete
   * iteration has checked the whole file.
   * @param onDamage receives damage, which is then skipped; without it the first damage throws
   * @throws DamagedFileError
   */
  *records(onDamage?: (error: DamagedFileError) => void): Generator<LmdbRecord, void> {
    const used = new PageSet(this.#meta.lastPage);
    yield* this.#tree(this.#meta, this.#meta.main, used, compareBytes, onDamage);
    if (!onDamage) this.#checkFreeList(used);
  }

  /** Yields the records of all leaf pages, in no particular order, including pages that are no longer in use. */
  *scan(): Generator<LmdbRecord, void> {
    const { pageBytes } = this.#meta;
    const seen = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 };
    const meta = { ...this.#meta, transaction: Infinity, lastPage: Math.floor(this.#fileBytes / pageBytes) };
    const walk = { meta, used: EVERY_PAGE, compare: compareBytes, seen, depth: 1, onDamage: undefined };
    for (let number = METAS; number < meta.lastPage; number++) {
      const page = orElse(undefined, () => this.#readPage(walk, number, 1));
      for (const at of page ? orElse([], () => nodesOf(page, number, true, walk)) : []) {
        const key = page!.subarray(at + NODE, at + NODE + page!.readUInt16LE(at + 6));
        const value = orElse(undefined, () => this.#value(walk, page!, number, at));
        if (value) yield { key, ...value };
      }
    }
  }

  /** The record with the smallest key, in the newest snapshot and, if still readable, in the one before. */
  first(): { newest: LmdbRecord | undefined; older: LmdbRecord | undefined } {
    const newest = this.#first(this.#meta);
    const older = this.#metas.find((meta) => meta !== this.#meta);
    if (!older) return { newest, older };
    try {
      // Ignores the transaction number: if a flipped bit lowered that of the newest meta page, this one looks newest.
      return { newest, older: this.#first({ ...older, transaction: Infinity }) };
    } catch (error) {
      if (error instanceof DamagedFileError) return { newest, older: undefined };
      throw error;
    }
  }

  /** Reads a value of `records` again, while nothing writes to the file. @throws DamagedFileError */
  valueAt({ offset, bytes }: ValueLocation): Buffer {
    const value = Buffer.allocUnsafe(bytes);
    this.#readAt(value, offset, "a value");
    return value;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #first(meta: Meta): LmdbRecord | undefined {
    const records = this.#tree(meta, meta.main, new PageSet(meta.lastPage), compareBytes);
    const { value } = records.next();
    return value ? { ...value, key: Buffer.from(value.key), value: Buffer.from(value.value) } : undefined;
  }

  /** Yields the records in the leaves of a tree, checks each page, and checks the tree's counts at the end. */
  *#tree(
    meta: Meta,
    { root, depth, ...counts }: Tree,
    used: Walk["used"],
    compare: Compare,
    onDamage?: (error: DamagedFileError) => void,
  ): Generator<LmdbRecord, void> {
    const seen = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 };
    if (root !== NO_PAGE) yield* this.#page({ meta, used, compare, seen, depth, onDamage }, root, 1);
    if (onDamage) return;
    check(root !== NO_PAGE || depth === 0, "an empty tree has levels");
    for (const key of Object.keys(seen) as (keyof typeof seen)[])
      check(seen[key] === counts[key], `its tree counts ${counts[key]} ${key}, but it has ${seen[key]}`);
  }

  /** The records below page `number`, whose keys must be at least `low` and less than `high`. */
  *#page(
    walk: Walk,
    number: number,
    level: number,
    low?: Buffer,
    high?: Buffer,
  ): Generator<LmdbRecord, void> {
    let page: Buffer;
    let nodes: number[];
    try {
      page = this.#readPage(walk, number, level);
      nodes = nodesOf(page, number, level === walk.depth, walk);
    } catch (error) {
      if (!walk.onDamage || !(error instanceof DamagedFileError)) throw error;
      walk.onDamage(error);
      return;
    }
    if (level === walk.depth) {
      walk.seen.leafPages++;
      yield* this.#leaf(walk, page, number, nodes, low, high);
      return;
    }
    walk.seen.branchPages++;
    // Copied, because the buffer of this level is reused for the next page.
    const children = nodes.map((at) => ({
      page: page.readUInt16LE(at) + page.readUInt16LE(at + 2) * 2 ** 16 + page.readUInt16LE(at + 4) * 2 ** 32,
      key: Buffer.from(page.subarray(at + NODE, at + NODE + page.readUInt16LE(at + 6))),
    }));
    for (const [index, child] of children.entries()) {
      yield* this.#page(
        walk,
        child.page,
        level + 1,
        index === 0 ? low : child.key,
        children[index + 1]?.key ?? high,
      );
    }
  }

  *#leaf(
    walk: Walk,
    page: Buffer,
    number: number,
    nodes: readonly number[],
    low?: Buffer,
    high?: Buffer,
  ): Generator<LmdbRecord, void> {
    let before: Buffer | undefined;
    for (const at of nodes) {
      try {
        const key = page.subarray(at + NODE, at + NODE + page.readUInt16LE(at + 6));
        check(!before || walk.compare(before, key) < 0, `the keys of page ${number} are out of order`);
        check(!low || walk.compare(low, key) <= 0, `page ${number} contains a key of a page before it`);
        check(!high || walk.compare(key, high) < 0, `page ${number} contains a key of a page after it`);
        before = key;
        const value = this.#value(walk, page, number, at);
        walk.seen.entries++;
        yield { key, ...value };
      } catch (error) {
        if (!walk.onDamage || !(error instanceof DamagedFileError)) throw error;
        walk.onDamage(error);
      }
    }
  }

  #value(walk: Walk, page: Buffer, pageNumber: number, at: number): Pick<LmdbRecord, "value" | "location"> {
    const bytes = page.readUInt32LE(at);
    const start = at + NODE + page.readUInt16LE(at + 6);
    const { pageBytes } = walk.meta;
    if (page.readUInt16LE(at + 4) !== BIG_DATA) {
      const location = { offset: pageNumber * pageBytes + start, bytes };
      return { value: page.subarray(start, start + bytes), location };
    }
    const number = word(page, start);
    const count = word(page, start + 16);
    check(count === Math.ceil((HEADER + bytes) / pageBytes), `a large value has an invalid length`);
    this.#use(walk, number, count);
    const value = this.#largeBuffer(count * pageBytes);
    this.#read(value, number, pageBytes);
    checkHeader(value, number, walk.meta, OVERFLOW_PAGE);
    check(value.readUInt32LE(20) === count, `page ${number} and its record differ in length`);
    walk.seen.overflowPages += count;
    const location = { offset: number * pageBytes + HEADER, bytes };
    return { value: value.subarray(HEADER, HEADER + bytes), location };
  }

  /** One buffer for all large values: there may be as many as jobs. */
  #largeBuffer(bytes: number): Buffer {
    if (this.#large.length < bytes) this.#large = Buffer.allocUnsafe(2 * bytes);
    return this.#large.subarray(0, bytes);
  }

  #readPage(walk: Walk, number: number, level: number): Buffer {
    check(level <= walk.depth && level <= LEVELS_MAX, `page ${number} is deeper than its tree`);
    this.#use(walk, number, 1);
    const page = (this.#buffers[level] ??= Buffer.allocUnsafe(walk.meta.pageBytes));
    this.#read(page, number, walk.meta.pageBytes);
    checkHeader(page, number, walk.meta, level === walk.depth ? LEAF_PAGE : BRANCH_PAGE);
    return page;
  }

  #use({ used, meta }: Walk, number: number, count: number): void {
    check(number >= METAS && number + count - 1 <= meta.lastPage, `page ${number} does not exist`);
    for (let page = number; page < number + count; page++)
      check(used.add(page), `page ${page} belongs to two records`);
  }

  #read(buffer: Buffer, page: number, pageBytes: number): void {
    this.#readAt(buffer, page * pageBytes, `page ${page}`);
  }

  #readAt(buffer: Buffer, offset: number, what: string): void {
    const length = readSync(this.#fd, buffer, 0, buffer.length, offset);
    check(length === buffer.length, `the file ends in ${what}`);
  }

  /** A page that is both in use and free would be overwritten by LMDB. */
  #checkFreeList(used: PageSet): void {
    for (const { value } of this.#tree(this.#meta, this.#meta.free, used, compareNumbers)) {
      for (const { first, count } of freePagesIn(value)) {
        check(
          first >= METAS && first + count - 1 <= this.#meta.lastPage,
          `free page ${first} does not exist`,
        );
        for (let page = first; page < first + count; page++)
          check(used.add(page), `page ${page} is free and in use`);
      }
    }
  }
}

/** The runs of pages in a record of the free list. */
function* freePagesIn(value: Buffer): Generator<{ first: number; count: number }, void> {
  check(value.length >= 8, "a list of free pages is empty");
  const length = word(value, 0);
  check(length <= value.length / 8 - 1, "a list of free pages is truncated");
  for (let index = 1, count = 1; index <= length; index++) {
    const number = Number(value.readBigInt64LE(index * 8));
    if (number < 0) count = -number;
    if (number <= 0) continue;
    yield { first: number, count };
    count = 1;
  }
}

function openFile(path: string, make: (fd: number) => LmdbFile): LmdbFile {
  const fd = openSync(path, "r");
  try {
    return make(fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function metasIn(fd: number): Meta[] {
  const first = readMeta(fd, 0);
  return [first, readMeta(fd, first.pageBytes)];
}

/** The meta pages that are still readable. */
function readableMetas(fd: number): Meta[] {
  const metas = [0, PAGE_BYTES_USUAL].flatMap((at) => {
    try {
      return readMeta(fd, at);
    } catch (error) {
      if (error instanceof DamagedFileError) return [];
      throw error;
    }
  });
  check(metas.length > 0, "neither of its meta pages is readable");
  return metas;
}

function readMeta(fd: number, at: number): Meta {
  const bytes = Buffer.alloc(HEADER + META);
  const length = readSync(fd, bytes, 0, bytes.length, at);
  check(length === bytes.length, "the file is shorter than its meta pages");
  check(bytes.readUInt16LE(18) === META_PAGE, "it does not start like an LMDB file");
  check(bytes.readUInt32LE(HEADER) === MAGIC, "it does not start like an LMDB file");
  const version = bytes.readUInt32LE(HEADER + 4);
  check(version === DATA_VERSION, `its LMDB data version is ${version}, not ${DATA_VERSION}`);
  const free = tree(bytes, HEADER + 24);
  const pageBytes = free.pad;
  check(isPowerOfTwo(pageBytes) && pageBytes >= 512 && pageBytes <= 65_536, "its page size is invalid");
  const lastPage = word(bytes, HEADER + 120);
  check(lastPage < PAGES_MAX, "its number of pages is invalid");
  return {
    pageBytes,
    free,
    main: tree(bytes, HEADER + 72),
    mapBytes: word(bytes, HEADER + 16),
    lastPage,
    transaction: word(bytes, HEADER + 128),
  };
}

/** Even transactions write the first meta page, odd ones the second. */
function checkedMetas(metas: readonly Meta[], fileBytes: number): readonly Meta[] {
  const [even, odd] = metas as [Meta, Meta];
  check(even.pageBytes === odd.pageBytes, "its meta pages have different page sizes");
  check(
    even.free.flags === odd.free.flags && even.main.flags === 0 && odd.main.flags === 0,
    "its flags are inconsistent",
  );
  const isFresh = even.transaction === 0; // a new file, or a copy, which has one transaction
  const follows = Math.abs(even.transaction - odd.transaction) === 1 && even.transaction % 2 === 0;
  check(isFresh || follows, "its two newest transactions are not consecutive");
  const { lastPage, pageBytes, mapBytes } = newestOf(metas);
  const usedBytes = (lastPage + 1) * pageBytes;
  check(usedBytes <= fileBytes, `it ends after ${fileBytes} of ${usedBytes} bytes`);
  check(usedBytes <= mapBytes && mapBytes <= MAP_MAX, "its map size is invalid");
  return metas;
}

function newestOf(metas: readonly Meta[]): Meta {
  return metas.reduce((a, b) => (b.transaction > a.transaction ? b : a));
}

/** Thrown when a file is damaged. The message, for an operator, says what is wrong. */
export class DamagedFileError extends Error {
  override readonly name = "DamagedFileError";
}

export interface LmdbRecord {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly location: ValueLocation;
}

/** Where a value is in the file. */
export interface ValueLocation {
  readonly offset: number;
  readonly bytes: number;
}

/** A meta page, which a transaction writes last. */
interface Meta {
  readonly pageBytes: number;
  readonly mapBytes: number;
  readonly free: Tree;
  readonly main: Tree;
  readonly lastPage: number;
  readonly transaction: number;
}

interface Tree {
  readonly pad: number;
  readonly flags: number;
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  readonly entries: number;
  readonly root: number;
}

interface Walk {
  readonly meta: Meta;
  readonly used: { add(page: number): boolean };
  readonly compare: Compare;
  readonly seen: { branchPages: number; leafPages: number; overflowPages: number; entries: number };
  readonly depth: number;
  readonly onDamage: ((error: DamagedFileError) => void) | undefined;
}

type Compare = (a: Buffer, b: Buffer) => number;

class PageSet {
  readonly #bits: Uint8Array;

  constructor(last: number) {
    this.#bits = new Uint8Array((last >>> 3) + 1);
  }

  /** Returns whether the page is new in the set. */
  add(page: number): boolean {
    const bit = 1 << (page & 7);
    const byte = this.#bits[page >>> 3]!;
    this.#bits[page >>> 3] = byte | bit;
    return (byte & bit) === 0;
  }
}

/** For a scan of pages that may no longer be in use. */
const EVERY_PAGE = { add: () => true };

/** Returns what `read` returns, or `otherwise` if it finds damage. */
function orElse<T, U>(otherwise: U, read: () => T): T | U {
  try {
    return read();
  } catch (error) {
    if (error instanceof DamagedFileError) return otherwise;
    throw error;
  }
}

const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const METAS = 2;
/** Sizes of structures, in bytes. */
const HEADER = 24;
const META = 144;
const NODE = 8;
const BIG_NODE = 24;

const BRANCH_PAGE = 0x01;
const LEAF_PAGE = 0x02;
const OVERFLOW_PAGE = 0x04;
const META_PAGE = 0x08;
const BIG_DATA = 0x01;

const NO_PAGE = Infinity;
/** CURSOR_STACK of mdb.c. */
const LEVELS_MAX = 32;
/** The page size of nearly all machines. */
const PAGE_BYTES_USUAL = 4_096;
/** More than any file has. */
const PAGES_MAX = 2 ** 36;
/** More than any machine can map. */
const MAP_MAX = 2 ** 47;

/** The offsets of a page's nodes, which are adjacent at its end. */
function nodesOf(page: Buffer, number: number, isLeaf: boolean, { meta }: Walk): number[] {
  const lower = page.readUInt16LE(20);
  const upper = page.readUInt16LE(22);
  const space = meta.pageBytes - HEADER;
  check(
    lower % 2 === 0 && lower > 0 && lower <= upper && upper <= space,
    `page ${number} is not a page of a tree`,
  );
  const nodes: number[] = [];
  let bytes = 0;
  for (let pointer = HEADER; pointer < HEADER + lower; pointer += 2) {
    const at = page.readUInt16LE(pointer) + HEADER;
    check(
      at % 2 === 0 && at >= HEADER + upper && at + NODE <= meta.pageBytes,
      `page ${number} points outside itself`,
    );
    const flags = page.readUInt16LE(at + 4);
    check(!isLeaf || flags === 0 || flags === BIG_DATA, `page ${number} has a record of an unknown kind`);
    const data = !isLeaf ? 0 : flags === BIG_DATA ? BIG_NODE : page.readUInt32LE(at);
    const length = NODE + page.readUInt16LE(at + 6) + data;
    check(at + length <= meta.pageBytes, `page ${number} has a record that does not fit`);
    bytes += length + (length % 2);
    nodes.push(at);
  }
  check(bytes === space - upper, `page ${number} has a wrong size in its header`);
  return nodes;
}

function checkHeader(page: Buffer, number: number, meta: Meta, flags: number): void {
  check(word(page, 0) === number, `page ${number} contains another page`);
  check(word(page, 8) <= meta.transaction, `page ${number} is newer than the newest transaction`);
  check(page.readUInt16LE(18) === flags, `page ${number} has the wrong kind`);
}

function tree(bytes: Buffer, at: number): Tree {
  const root = bytes.readBigUInt64LE(at + 40);
  return {
    pad: bytes.readUInt32LE(at),
    flags: bytes.readUInt16LE(at + 4),
    depth: bytes.readUInt16LE(at + 6),
    branchPages: word(bytes, at + 8),
    leafPages: word(bytes, at + 16),
    overflowPages: word(bytes, at + 24),
    entries: word(bytes, at + 32),
    root: root === 2n ** 64n - 1n ? NO_PAGE : Number(root),
  };
}

/** Reads a 64-bit number. Above 2 ** 53 it is inexact, but still larger than anything it is compared with. */
function word(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}

function compareBytes(a: Buffer, b: Buffer): number {
  return a.compare(b);
}

function compareNumbers(a: Buffer, b: Buffer): number {
  check(a.length === 8 && b.length === 8, "a list of free pages has an invalid key");
  return word(a, 0) - word(b, 0);
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new DamagedFileError(message);
}
