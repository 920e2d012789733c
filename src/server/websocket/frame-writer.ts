import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { SharedFrames } from "./shared-frames.js";

/**
 * Sockets that have something to write. What goes to one of them in one turn of the event loop is one write: a
 * write costs as much as a thousand of its bytes. All of them together write for a few milliseconds a turn,
 * then what comes in has its turn, and what it leads to goes into the next writes.
 */
export class WriteQueue {
  #waiting: FrameWriter[] = [];
  #isScheduled = false;

  /** It is flushed in its turn. */
  add(outgoing: FrameWriter): void {
    this.#waiting.push(outgoing);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    const end = performance.now() + TURN_MS;
    let flushed = 0;
    while (flushed < this.#waiting.length) {
      this.#waiting[flushed++]!.flush();
      if (flushed % LOOK_AT_CLOCK_EVERY === 0 && performance.now() > end) break;
    }
    this.#waiting = this.#waiting.slice(flushed);
    if (this.#waiting.length > 0) this.#schedule();
  }
}

const TURN_MS = 10;
const LOOK_AT_CLOCK_EVERY = 16;

/**
 * The frames that go to one WebSocket, written straight to its socket. ws writes whole frames too, so its control
 * frames come between them.
 */
export class FrameWriter {
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #queue: WriteQueue;
  readonly #onMoved: () => void;
  #frames = "";
  /** What comes after those: put together when it is written, so that what is made for a write is gone with it. */
  #last: { readonly shared: SharedFrames; readonly start: string; readonly count: number } | undefined;
  #unwrittenBytes = 0;

  /** @param onMoved called when something was written, and when the network has taken it. */
  constructor(webSocket: WebSocket, socket: Socket, queue: WriteQueue, onMoved: () => void) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#queue = queue;
    this.#onMoved = onMoved;
  }

  /** Bytes that wait, here and in the socket. */
  get pendingBytes(): number {
    return this.#unwrittenBytes + this.#socket.writableLength;
  }

  /** Whole frames, as `latin1Of` has them. */
  send(frames: string): void {
    this.#enqueue(frames.length);
    this.#frames += this.#takeLast() + frames;
  }

  /** The first `count` of those frames, each beginning with `start`. Returns how many bytes that is. */
  sendShared(shared: SharedFrames, start: string, count: number): number {
    const bytes = shared.bytes(count);
    this.#enqueue(bytes);
    this.#frames += this.#takeLast();
    this.#last = { shared, start, count };
    return bytes;
  }

  /** Writes what was sent, unless the WebSocket is closing. */
  flush(): void {
    if (this.#unwrittenBytes === 0) return;
    const frames = this.#frames + this.#takeLast();
    this.#frames = "";
    this.#unwrittenBytes = 0;
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#socket.write(frames, "latin1");
    if (this.#socket.writableLength > 0) this.#socket.write("", "latin1", this.#onMoved); // behind it
    this.#onMoved();
  }

  #enqueue(bytes: number): void {
    if (this.#unwrittenBytes === 0) this.#queue.add(this);
    this.#unwrittenBytes += bytes;
  }

  #takeLast(): string {
    if (!this.#last) return "";
    const { shared, start, count } = this.#last;
    this.#last = undefined;
    return shared.text(start, count);
  }
}
