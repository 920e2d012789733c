import type { Socket } from "node:net";
import type { WebSocket } from "ws";

/**
 * Sockets that have something to write. What goes to one of them in one turn of the event loop is one write: a
 * write costs as much as a thousand of its bytes. All of them together write for a few milliseconds a turn,
 * then what comes in has its turn, and what it leads to goes into the next writes.
 */
export class OutgoingQueue {
  readonly #waiting = new Set<Outgoing>();
  #isScheduled = false;

  add(outgoing: Outgoing): void {
    this.#waiting.add(outgoing);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#turn());
  }

  delete(outgoing: Outgoing): void {
    this.#waiting.delete(outgoing);
  }

  #turn(): void {
    this.#isScheduled = false;
    const end = performance.now() + TURN_MS;
    let written = 0;
    for (const outgoing of this.#waiting) {
      if (++written % LOOK_AT_CLOCK_EVERY === 0 && performance.now() > end) break;
      outgoing.flush();
    }
    const [next] = this.#waiting;
    if (next) this.add(next);
  }
}

const TURN_MS = 10;
const LOOK_AT_CLOCK_EVERY = 16;

/**
 * The text messages that go to one WebSocket, framed here and written straight to its socket. ws writes whole
 * frames too, so its control frames come between them.
 */
export class Outgoing {
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #queue: OutgoingQueue;
  readonly #onMoved: () => void;
  #frames = "";

  /** @param onMoved called when something was written, and when the network has taken it. */
  constructor(webSocket: WebSocket, socket: Socket, queue: OutgoingQueue, onMoved: () => void) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#queue = queue;
    this.#onMoved = onMoved;
  }

  /** Bytes that wait, here and in the socket. */
  get waitingBytes(): number {
    return this.#frames.length + this.#socket.writableLength;
  }

  /** Sends a message that is made of these pieces, each as `latin1Of` has it. Returns its length. */
  send(start: string, middle: string, end: string): number {
    if (this.#frames === "") this.#queue.add(this);
    const length = start.length + middle.length + end.length;
    this.#frames += headerOf(length) + start + middle + end;
    return length;
  }

  /** Writes what was sent, unless the WebSocket is closing. */
  flush(): void {
    this.#queue.delete(this);
    const frames = this.#frames;
    this.#frames = "";
    if (frames === "" || this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#socket.write(frames, "latin1", this.#onMoved);
    this.#onMoved();
  }
}

/** Of an unmasked text frame that is whole (RFC 6455, section 5.2), as `latin1Of` has it. */
function headerOf(length: number): string {
  if (length < 126) return String.fromCharCode(TEXT_FRAME, length);
  if (length < 65_536) return String.fromCharCode(TEXT_FRAME, 126, length >>> 8, length & 255);
  return String.fromCharCode(
    TEXT_FRAME,
    127,
    0,
    0,
    0,
    0,
    length >>> 24,
    (length >>> 16) & 255,
    (length >>> 8) & 255,
    length & 255,
  );
}

const TEXT_FRAME = 0x81;
