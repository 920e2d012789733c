import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { SlicedQueue } from "../../util/sliced-queue.js";
import type { TurnLength } from "../../util/turn-length.js";
import type { SharedFrames } from "./shared-frames.js";

/** Sockets with pending frames. */
export type WriteQueue = SlicedQueue<FrameWriter>;

/**
 * Combines all frames of a socket in one turn of the event loop into one write, since a write costs as much as a thousand
 * bytes. Each turn spends a limited time on writes, so that incoming messages are handled in between.
 */
export function createWriteQueue(turnLength: TurnLength): WriteQueue {
  return new SlicedQueue((writer) => writer.flush(), {
    budget: turnLength.budget({ minMs: 10, maxMs: 10 }),
    itemsPerClockCheck: 16,
  });
}

/**
 * Writes the frames of one WebSocket directly to its socket. ws also writes whole frames, so its control frames can
 * only appear in between.
 */
export class FrameWriter {
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #queue: WriteQueue;
  readonly #onProgress: () => void;
  #frames = "";
  /** Follows `#frames`. The string is built at flush time so that it is short-lived. */
  #last: { readonly shared: SharedFrames; readonly start: string; readonly count: number } | undefined;
  #unwrittenBytes = 0;

  /** @param onProgress called after a write, and again when the network has taken it. */
  constructor(webSocket: WebSocket, socket: Socket, queue: WriteQueue, onProgress: () => void) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#queue = queue;
    this.#onProgress = onProgress;
  }

  /** Bytes that are not sent yet, here and in the socket. */
  get pendingBytes(): number {
    return this.#socket.destroyed ? 0 : this.#unwrittenBytes + this.#socket.writableLength;
  }

  /** Queues whole frames, encoded by `utf8AsLatin1`. */
  send(frames: string): void {
    this.#enqueue(frames.length);
    this.#frames += this.#takeLast() + frames;
  }

  /** Queues the first `count` shared frames, each with the prefix `start`. Returns their size in bytes. */
  sendShared(shared: SharedFrames, start: string, count: number): number {
    const bytes = shared.bytes(count);
    this.#enqueue(bytes);
    this.#frames += this.#takeLast();
    this.#last = { shared, start, count };
    return bytes;
  }

  /** Writes the queued frames, unless the WebSocket is closing. */
  flush(): void {
    if (this.#unwrittenBytes === 0) return;
    const frames = this.#frames + this.#takeLast();
    this.#frames = "";
    this.#unwrittenBytes = 0;
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#socket.write(frames, "latin1");
    if (this.#socket.writableLength > 0) this.#socket.write("", "latin1", this.#onProgress); // behind it
    this.#onProgress();
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
