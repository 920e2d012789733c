import type { Clock, Timer } from "../util/clock.js";

/** A connection of a watcher: a WebSocket or an event stream. */
export interface WatcherConnection {
  /** False once it closes. */
  readonly isOpen: boolean;
  /** An event stream ends without the code and the reason. */
  close(code: number, reason: string): void;
}

/** What a WebSocket is closed with. */
export interface CloseFrame {
  readonly code: number;
  readonly reason: string;
}

/**
 * Closes the connections of watchers at a steady pace, so that they do not all connect to another server at the same
 * moment. Connections that open meanwhile are closed last. Few connections are closed at once, because they cause no
 * load.
 */
export class PacedClose {
  readonly #connections: () => readonly WatcherConnection[];
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #onEnd = (): void => {};

  /** @param connections all connections, the oldest first */
  constructor(connections: () => readonly WatcherConnection[], clock: Clock) {
    this.#connections = connections;
    this.#clock = clock;
  }

  /** Closes all connections over `durationMs`. Resolves when none is open, or when it is stopped. */
  run(durationMs: number, frame: CloseFrame): Promise<void> {
    this.stop();
    return new Promise((resolve) => {
      this.#onEnd = resolve;
      this.#closeSome(Math.ceil(durationMs / STEP_MS), frame);
    });
  }

  /** Leaves the remaining connections open. Stopping twice is harmless. */
  stop(): void {
    this.#timer?.cancel();
    this.#onEnd();
  }

  #closeSome(stepsLeft: number, frame: CloseFrame): void {
    const open = this.#connections().filter(({ isOpen }) => isOpen);
    const share = stepsLeft > 0 ? Math.ceil(open.length / stepsLeft) : open.length;
    const count = Math.max(share, CLOSED_PER_STEP_MIN);
    for (const connection of open.slice(0, count)) connection.close(frame.code, frame.reason);
    if (open.length <= count) return this.stop();
    this.#timer = this.#clock.schedule(STEP_MS, () => this.#closeSome(stepsLeft - 1, frame));
  }
}

const STEP_MS = 50;

/** 100 a second: a server catches up with so many watchers without delaying others. */
const CLOSED_PER_STEP_MIN = 5;
