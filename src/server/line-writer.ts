import { constants, fstatSync, openSync, write, writeSync } from "node:fs";

/**
 * Writes lines to a file descriptor and never waits for its reader. Node.js offers only synchronous writes for a log: a
 * pipe whose reader has stopped, or a terminal after Ctrl+S, would stop the whole server.
 *
 * Unwritten lines are kept up to a bound. Beyond it lines are dropped until half of the bound is free again. Then a line
 * in their place says how many were dropped.
 */
export class LineWriter {
  readonly #fd: number;
  readonly #options: LineWriterOptions;
  #pending: string[] = [];
  #pendingBytes = 0;
  /** The bytes that are being written, until the system has taken all of them. */
  #batch: Buffer = EMPTY;
  #isScheduled = false;
  #isWriting = false;
  #isFull = false;
  #unreported = 0;
  #dropped = 0;

  /** @param fd 1 or 2, or a descriptor that does not block. */
  constructor(fd: number, options: LineWriterOptions) {
    this.#fd = withoutBlocking(fd);
    this.#options = options;
  }

  /** Lines dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Queues a line, which ends with a line feed. */
  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    this.#isFull ||= this.#unwrittenBytes + bytes > this.#options.bytesMax;
    if (this.#isFull) return this.#drop();
    this.#pending.push(line);
    this.#pendingBytes += bytes;
    this.#schedule();
  }

  /**
   * Writes what is left, for the end of the process: waits up to `timeoutMs` for the reader, and blocks the event loop
   * meanwhile.
   */
  flushSync(timeoutMs: number): void {
    const end = performance.now() + timeoutMs;
    if (!this.#isWriting) this.#takePending();
    const rest = this.#isWriting ? Buffer.from(this.#pending.join("")) : this.#batch;
    for (let at = 0; at < rest.length && performance.now() < end;) {
      const written = tryWriteSync(this.#fd, rest.subarray(at));
      if (written === 0) Atomics.wait(SLEEP, 0, 0, FLUSH_RETRY_MS);
      at += written;
    }
  }

  get #unwrittenBytes(): number {
    return this.#pendingBytes + this.#batch.length;
  }

  #drop(): void {
    this.#dropped++;
    this.#unreported++;
  }

  /** All lines of one turn of the event loop are one write. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#writeNext());
  }

  #writeNext(): void {
    if (this.#batch.length === 0) this.#takePending();
    if (this.#batch.length === 0) return void (this.#isScheduled = false);
    this.#isWriting = true;
    write(this.#fd, this.#batch, 0, this.#batch.length, null, (error, bytes) => {
      this.#isWriting = false;
      if (error) return this.#retry();
      this.#batch = bytes < this.#batch.length ? this.#batch.subarray(bytes) : EMPTY; // a view would keep its memory
      this.#reportDropped();
      this.#writeNext();
    });
  }

  #takePending(): void {
    this.#batch = Buffer.concat([this.#batch, Buffer.from(this.#pending.join(""))]);
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  /** The pipe is full or has no reader now, or the disk is full. All of that may end. */
  #retry(): void {
    setTimeout(() => this.#writeNext(), RETRY_MS).unref();
  }

  #reportDropped(): void {
    if (!this.#isFull || this.#unwrittenBytes > this.#options.bytesMax / 2) return;
    this.#isFull = false;
    this.#options.onDropped(this.#unreported);
    this.#unreported = 0;
  }
}

export interface LineWriterOptions {
  /** Unwritten bytes, beyond which lines are dropped. */
  readonly bytesMax: number;
  /** Called with the number of lines dropped when there is room again, to write a line about them. */
  readonly onDropped: (lines: number) => void;
}

const EMPTY = Buffer.alloc(0);
const RETRY_MS = 50;
const FLUSH_RETRY_MS = 10;
const SLEEP = new Int32Array(new SharedArrayBuffer(4));

/**
 * A descriptor of the same file whose writes fail with EAGAIN instead of waiting. Linux opens pipes and terminals anew,
 * so that other processes that write to them are not affected. Sockets cannot be opened: Node.js makes those of its
 * standard streams non-blocking. A disk does not wait for a reader.
 */
function withoutBlocking(fd: number): number {
  const stat = fstatSync(fd);
  if (stat.isFile()) return fd;
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    void (fd === 2 ? process.stderr : process.stdout);
    return fd;
  }
}

/** The number of bytes that the system took; 0 if it takes none now. */
function tryWriteSync(fd: number, bytes: Buffer): number {
  try {
    return writeSync(fd, bytes);
  } catch {
    return 0;
  }
}
