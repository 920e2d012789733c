import type { TidemarkError } from "../../protocol/tidemark-error.js";
import { isRetryable, toTidemarkError, type ResponseError } from "./response-error.js";
import type { ClientClock, ClientTimer } from "../platform.js";

/** Opens one subscription over a connection of its own, and tells the session of all that comes of it. */
export type WatchTransport = (question: SubscriptionRequest, session: WatchSession) => Promise<void>;

/** What a transport is to ask. */
export interface SubscriptionRequest {
  /** Of the endpoint, `http:` or `https:`. */
  readonly url: URL;
  readonly token: string | undefined;
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Whether the process may end meanwhile. */
  readonly isInBackground: boolean;
}

/** Why a session has ended. */
export type SessionEnd =
  /** Come back. */
  | { readonly kind: "broken"; readonly cause?: unknown; readonly isGoingAway?: boolean }
  /** This way leads nowhere; another transport may get through. */
  | { readonly kind: "unopened"; readonly cause?: unknown }
  /** Come back with another token, if there is one. */
  | { readonly kind: "unauthorized"; readonly error: TidemarkError }
  /** Trying the same again would not help. */
  | { readonly kind: "refused"; readonly error: TidemarkError };

/** What a transport has opened. */
export interface OpenTransport {
  /** Asks the server for a sign of life; left out where it gives one by itself. */
  ping?(): void;
  /** Ends it at once. Called once. */
  close(): void;
}

export interface SessionOptions {
  readonly clock: ClientClock;
  readonly keepAliveMs: number;
  /** What the subscription tells. @throws OutOfSyncError */
  readonly onData: (data: unknown) => void;
}

/**
 * One connection: it begins when the transport is opened, is acknowledged when the server has taken it, and ends
 * once, by the server, the network, silence, or us.
 *
 * Half-open connections are found by their silence: two pings in a row that nothing followed, not even an event.
 */
export class WatchSession {
  /** Resolves when it has ended, and never rejects. */
  readonly ended: Promise<SessionEnd>;
  readonly #options: SessionOptions;
  #resolve!: (end: SessionEnd) => void;
  #transport: OpenTransport | undefined;
  #timer: ClientTimer;
  #isAcknowledged = false;
  #hasEnded = false;
  #heardAt: number;
  #silentIntervals = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => (this.#resolve = resolve));
    this.#heardAt = options.clock.now();
    this.#timer = options.clock.schedule(OPENING_MS, () =>
      this.end({ kind: "unopened", cause: new Error("The server did not answer in time.") }),
    );
  }

  get isAcknowledged(): boolean {
    return this.#isAcknowledged;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** When something came from the server last, by the clock. */
  get lastActivityAt(): number {
    return this.#heardAt;
  }

  /** What is to be closed at the end, which may have been before this. */
  onOpened(transport: OpenTransport): void {
    this.#transport = transport;
    if (this.#hasEnded) transport.close();
  }

  /** Something has come. */
  onActivity(): void {
    this.#heardAt = this.#options.clock.now();
    this.#silentIntervals = 0;
  }

  /** The server has taken the subscription, or is ready to. */
  onAcknowledged(): void {
    this.#isAcknowledged = true;
    this.#timer.cancel();
    this.#awaitSignOfLife();
  }

  /** An answer to the subscription, as JSON has it. @throws OutOfSyncError */
  onResponse({ data, errors }: SubscriptionResponse): void {
    if (errors?.length) return this.end(sessionEndOf(errors));
    if (data) this.#options.onData(data);
  }

  /** Does what is to be done with what came; where that fails, the session ends. */
  take(work: () => void): void {
    if (this.#hasEnded) return;
    this.onActivity();
    try {
      work();
    } catch (error) {
      this.end({ kind: "broken", cause: error });
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

/** How long it may take until the server acknowledges, milliseconds. */
const OPENING_MS = 10_000;

const SILENT_INTERVALS_MAX = 2;
const SILENCE: SessionEnd = { kind: "broken", cause: new Error("Nothing was heard of the server.") };

/** Trusted as far as the types go: the document is ours, and so is the server. */
export interface SubscriptionResponse {
  readonly data?: unknown;
  readonly errors?: readonly ResponseError[];
}

/** What is to be done about errors that the server answers with. */
export function sessionEndOf([first]: readonly ResponseError[]): SessionEnd {
  const error = toTidemarkError(first ?? { message: "The server gave no reason." }, "INTERNAL");
  if (error.code === "UNAUTHENTICATED") return { kind: "unauthorized", error };
  return isRetryable(error) ? { kind: "broken", cause: error } : { kind: "refused", error };
}
