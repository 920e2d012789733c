import type { Socket } from "node:net";

/** What is known of a connection that may not be read from. */
export interface SlowReaderOptions {
  /** How long nothing may move while something waits to be read, milliseconds. */
  readonly slowReaderMs: number;
  readonly isWaiting: () => boolean;
  readonly onSlow: () => void;
}

/**
 * Finds a reader that takes nothing of what waits for it: after `slowReaderMs`, or up to half as long again. Node
 * tells when nothing has moved on a socket for a while; two such times in a row, with nothing sent in between,
 * are it.
 */
export class SlowReaderWatch {
  readonly #socket: Socket;
  readonly #options: SlowReaderOptions;
  #sent: number | undefined;

  constructor(socket: Socket, options: SlowReaderOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#lookAgain();
  }

  /** To be called when the socket says that it has timed out. */
  timedOut(): void {
    const { isWaiting, onSlow } = this.#options;
    const sent = this.#socket.bytesWritten - this.#socket.writableLength;
    if (isWaiting() && sent === this.#sent) return onSlow();
    this.#sent = isWaiting() ? sent : undefined;
    this.#lookAgain();
  }

  #lookAgain(): void {
    this.#socket.setTimeout(Math.ceil(this.#options.slowReaderMs / 2));
  }
}
