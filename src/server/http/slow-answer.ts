import type { ServerResponse } from "node:http";
import type { UnreadAnswers } from "../../graphql/pipeline/answer-backlog.js";
import { SlowReaderMonitor, type MonitoredConnection } from "../slow-reader.js";

/** A large answer that has been written to the socket of its client, which may not read it. */
export class SlowAnswer implements MonitoredConnection, UnreadAnswers {
  readonly #response: ServerResponse;
  readonly #onClosed: () => void;

  /** @param onClosed called when the connection is closed because the client read nothing for `slowReaderMs` */
  constructor(response: ServerResponse, slowReaderMs: number, onClosed: () => void) {
    this.#response = response;
    this.#onClosed = onClosed;
    if (!response.socket) return;
    const monitor = new SlowReaderMonitor(response.socket, this, slowReaderMs);
    response.on("timeout", () => monitor.onTimeout());
  }

  get isWaiting(): boolean {
    return !this.#response.writableFinished && !this.#response.destroyed;
  }

  get pendingBytes(): number {
    return this.isWaiting ? (this.#response.socket?.writableLength ?? 0) : 0;
  }

  closeSlowReader(): void {
    this.#onClosed();
    this.#response.destroy();
  }
}
