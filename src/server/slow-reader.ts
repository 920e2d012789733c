import type { Socket } from "node:net";

/** A connection whose client may stop reading. */
export interface MonitoredConnection {
  /** Whether unread data is pending. */
  readonly isWaiting: boolean;
  closeSlowReader(): void;
}

/**
 * Closes a connection whose client reads nothing of its pending data for `slowReaderMs`, or up to half as long again.
 * The socket's idle timeout fires every half of that time; two in a row with nothing sent in between mean a slow reader.
 */
export class SlowReaderMonitor {
  readonly #socket: Socket;
  readonly #connection: MonitoredConnection;
  readonly #slowReaderMs: number;
  #sent: number | undefined;

  constructor(socket: Socket, connection: MonitoredConnection, slowReaderMs: number) {
    this.#socket = socket;
    this.#connection = connection;
    this.#slowReaderMs = slowReaderMs;
    this.#restartTimeout();
  }

  /** Handles the socket's `timeout` event. */
  onTimeout(): void {
    const { isWaiting } = this.#connection;
    const sent = this.#socket.bytesWritten - this.#socket.writableLength;
    if (isWaiting && sent === this.#sent) return this.#connection.closeSlowReader();
    this.#sent = isWaiting ? sent : undefined;
    this.#restartTimeout();
  }

  #restartTimeout(): void {
    this.#socket.setTimeout(Math.ceil(this.#slowReaderMs / 2));
  }
}
