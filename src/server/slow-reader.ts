import type { Socket } from "node:net";

/** A connection that may not be read from. */
export interface MonitoredConnection {
  /** Whether something waits to be read. */
  readonly isWaiting: boolean;
  /** To be called when nothing has been read for too long. */
  closeSlowReader(): void;
}

/**
 * Finds a reader that takes nothing of what waits for it: after `slowReaderMs`, or up to half as long again. Node
 * tells when nothing has moved on a socket for a while; two such times in a row, with nothing sent in between,
 * are it.
 */
export class SlowReaderMonitor {
  readonly #socket: Socket;
  readonly #connection: MonitoredConnection;
  readonly #slowReaderMs: number;
  #sent: number | undefined;

  /** @param slowReaderMs how long nothing may move while something waits to be read, milliseconds. */
  constructor(socket: Socket, connection: MonitoredConnection, slowReaderMs: number) {
    this.#socket = socket;
    this.#connection = connection;
    this.#slowReaderMs = slowReaderMs;
    this.#lookAgain();
  }

  /** To be called when the socket says that it has timed out. */
  onTimeout(): void {
    const { isWaiting } = this.#connection;
    const sent = this.#socket.bytesWritten - this.#socket.writableLength;
    if (isWaiting && sent === this.#sent) return this.#connection.closeSlowReader();
    this.#sent = isWaiting ? sent : undefined;
    this.#lookAgain();
  }

  #lookAgain(): void {
    this.#socket.setTimeout(Math.ceil(this.#slowReaderMs / 2));
  }
}
