import type { TidemarkError } from "../../protocol/tidemark-error.js";
import type { ClientClock, ClientTimer } from "../platform.js";
import { toTidemarkError } from "./response-error.js";
import { endOfErrors, type SessionEnd, type SubscriptionResponse } from "./session-end.js";

/** Opens one subscription over its own connection and passes its events to the session. */
export type WatchTransport = (request: SubscriptionRequest, session: WatchSession) => Promise<void>;

export interface SubscriptionRequest {
  /** The GraphQL endpoint, `http:` or `https:`. */
  readonly url: string;
  readonly token: string | undefined;
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Whether the process may exit while the subscription is open. */
  readonly isInBackground: boolean;
}

/** An open connection. */
export interface OpenTransport {
  /** Requests a pong. Absent if the server sends signs of life on its own. */
  ping?(): void;
  /** Closes the connection immediately. Called once. */
  close(): void;
}

export interface SessionOptions {
  readonly clock: ClientClock;
  readonly keepAliveMs: number;
  /** Time limit for the server's acknowledgement, milliseconds. */
  readonly openingMs: number;
  /** Receives the data of each response. @throws OutOfSyncError */
  readonly onData: (data: unknown) => void;
  /** Receives the error of an event that the server could not build. If it throws, the session ends. */
  readonly onFailedEvent: (error: TidemarkError) => void;
}

/**
 * The lifetime of one connection. The server acknowledges it, and it ends once: closed by the server, the network, the
 * client, or after silence.
 *
 * Silence reveals half-open connections: the session ends when two consecutive pings are followed by no data at all.
 */
export class WatchSession {
  /** Resolves when the session ends; never rejects. */
  readonly ended: Promise<SessionEnd>;
  readonly #options: SessionOptions;
  #resolve!: (end: SessionEnd) => void;
  #transport: OpenTransport | undefined;
  #timer: ClientTimer;
  #isAcknowledged = false;
  #hasEnded = false;
  #lastActivityAt: number;
  #silentIntervals = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => (this.#resolve = resolve));
    this.#lastActivityAt = options.clock.now();
    const { clock, openingMs } = options;
    this.#timer = clock.schedule(openingMs, () =>
      this.end({ kind: "unopened", cause: new Error(`No answer within ${openingMs} ms.`) }),
    );
  }

  get isAcknowledged(): boolean {
    return this.#isAcknowledged;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** When data last arrived from the server, in the clock's time. */
  get lastActivityAt(): number {
    return this.#lastActivityAt;
  }

  /** Registers the connection to close at the end. If the session has already ended, closes it now. */
  onOpened(transport: OpenTransport): void {
    this.#transport = transport;
    if (this.#hasEnded) transport.close();
  }

  onActivity(): void {
    this.#lastActivityAt = this.#options.clock.now();
    this.#silentIntervals = 0;
  }

  /** The server has accepted the connection. */
  onAcknowledged(): void {
    this.#isAcknowledged = true;
    this.#timer.cancel();
    this.#awaitSignOfLife();
  }

  /** @throws OutOfSyncError */
  onResponse({ data, errors }: SubscriptionResponse): void {
    const [error] = errors ?? [];
    if (error && data === undefined) return this.end(endOfErrors([error])); // the whole subscription
    if (error) return this.#options.onFailedEvent(toTidemarkError(error, "INTERNAL"));
    if (data) this.#options.onData(data);
  }

  /** Processes arrived data. If `work` throws, the session ends as broken. */
  take(work: () => void): void {
    if (this.#hasEnded) return;
    this.onActivity();
    try {
      work();
    } catch (error) {
      this.end({ kind: "broken", cause: error, stays: true });
    }
  }

  /** Only the first end counts. */
  end(end: SessionEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#timer.cancel();
    this.#resolve(end);
    this.#transport?.close();
  }

  #awaitSignOfLife(): void {
    this.#timer = this.#options.clock.schedule(this.#options.keepAliveMs, () => {
      if (this.#silentIntervals >= SILENT_INTERVALS_MAX) return this.end(SILENCE);
      this.#silentIntervals++;
      this.#transport?.ping?.();
      this.#awaitSignOfLife();
    });
  }
}

const SILENT_INTERVALS_MAX = 2;
const SILENCE: SessionEnd = { kind: "broken", cause: new Error("The connection went silent.") };
