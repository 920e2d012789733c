import { TidemarkError } from "../../protocol/tidemark-error.js";
import type { ClientClock, ClientTimer } from "../platform.js";
import type { WatchTransportName } from "./watch-options.js";
import type { Token } from "../transport/endpoint.js";
import { otherOriginRemedy } from "../transport/page-origin.js";
import { RetryDelay } from "../transport/retry-delay.js";
import { sseTransport } from "../transport/sse-transport.js";
import {
  WatchSession,
  type SessionEnd,
  type SubscriptionRequest,
  type WatchTransport,
} from "../transport/watch-session.js";
import { webSocketTransport } from "../transport/websocket-transport.js";

/** The time and randomness of a watch. Tests replace them. */
export interface WatchEnvironment {
  readonly clock: ClientClock;
  /** Returns a number from 0 to below 1. */
  readonly random: () => number;
}

export interface WatchConnectionOptions<Data> {
  readonly url: URL;
  readonly token: Token | undefined;
  readonly transport: WatchTransportName;
  readonly keepAliveMs: number;
  /** The subscription to send; called for each connection. */
  readonly request: () => Pick<SubscriptionRequest, "query" | "variables">;
  /** Whether the process may exit while connected. WebSocket only. Default false. */
  readonly isInBackground?: boolean;
  /** Receives the data of the subscription. If it throws, the client reconnects. */
  readonly onData: (data: Data) => void;
  /**
   * Receives the error of an event that the server could not build. If it throws, the client reconnects. Default: it
   * throws.
   */
  readonly onFailedEvent?: (error: TidemarkError) => void;
  /** A session ended, and the client will reconnect. `lastActivityAt` is when data last arrived. */
  readonly onDisconnected: (lastActivityAt: number | undefined, cause: unknown) => void;
  /** The server rejected the subscription. The client does not reconnect. */
  readonly onRejected: (error: TidemarkError) => void;
}

/**
 * Keeps one subscription alive over consecutive sessions, until it is closed or rejected.
 *
 *     opening ──acknowledged──► open ──► broken ──► delay ──► opening …
 *        │
 *        ├── the WebSocket did not open: try server-sent events in the same attempt
 *        ├── the token was rejected: try once more with a new one
 *        └── the subscription was rejected: end
 */
export class WatchConnection<Data> {
  readonly #options: WatchConnectionOptions<Data>;
  readonly #environment: WatchEnvironment;
  readonly #retryDelay: RetryDelay;
  #session: WatchSession | undefined;
  #isClosed = false;
  /** Ends the current delay. */
  #wake: (() => void) | undefined;
  #timer: ClientTimer | undefined;
  /** The transports that have connected at least once. */
  readonly #proven = new Set<WatchTransport>();
  /** Whether the server rejected the previous token. */
  #isTokenRejected = false;

  constructor(options: WatchConnectionOptions<Data>, environment: WatchEnvironment) {
    this.#options = options;
    this.#environment = environment;
    const { random } = environment;
    this.#retryDelay = new RetryDelay({ longestMs: 30_000, isFirstImmediate: true, random });
  }

  /** Resolves when the connection is closed or rejected by the server; never rejects. */
  async run(): Promise<void> {
    while (!this.#isClosed) {
      const end = await this.#attempt();
      if (this.#isClosed) return;
      const error = this.#finalErrorOf(end);
      if (error) return this.#options.onRejected(error);
      this.#options.onDisconnected(this.#session?.lastActivityAt, causeOf(end, this.#options.url));
      const delayMs = this.#retryDelay.nextMs(end.kind === "broken" && end.isGoingAway);
      if (delayMs > 0) await this.#wait(delayMs);
    }
  }

  /** Closes the connection immediately. Has no effect a second time. */
  close(): void {
    this.#isClosed = true;
    this.#session?.end({ kind: "broken" });
    this.#timer?.cancel();
    this.#wake?.();
  }

  async #attempt(): Promise<SessionEnd> {
    const [first, second] = this.#transports();
    const end = await this.#open(first);
    return end.kind === "unopened" && second && !this.#isClosed ? this.#open(second) : end;
  }

  /** Prefers server-sent events once they have connected and a WebSocket never has. */
  #transports(): readonly [WatchTransport, WatchTransport?] {
    const { transport } = this.#options;
    if (transport === "sse") return [sseTransport];
    if (transport === "websocket") return [webSocketTransport];
    const isBlocked = this.#proven.has(sseTransport) && !this.#proven.has(webSocketTransport);
    return isBlocked ? [sseTransport, webSocketTransport] : [webSocketTransport, sseTransport];
  }

  async #open(transport: WatchTransport): Promise<SessionEnd> {
    const { url, keepAliveMs, request, onFailedEvent = rethrow, isInBackground = false } = this.#options;
    const { clock } = this.#environment;
    const openedAt = clock.now();
    const token = await this.#currentToken();
    if (this.#isClosed || "kind" in token) return "kind" in token ? token : { kind: "broken" };
    const session = (this.#session = new WatchSession({
      clock,
      keepAliveMs,
      onData: this.#onData,
      onFailedEvent,
    }));
    transport({ url, isInBackground, ...token, ...request() }, session).catch((cause: unknown) => {
      session.end({ kind: session.isAcknowledged ? "broken" : "unopened", cause });
    });
    const end = await session.ended;
    if (!session.isAcknowledged) return end;
    this.#proven.add(transport);
    if (clock.now() - openedAt >= STABLE_MS) this.#retryDelay.reset();
    return end;
  }

  readonly #onData = (data: unknown): void => {
    this.#isTokenRejected = false;
    this.#options.onData(data as Data); // safe: the server answers our document
  };

  /** If the token function throws, the client retries later. */
  async #currentToken(): Promise<{ readonly token: string | undefined } | SessionEnd> {
    const { token } = this.#options;
    if (typeof token !== "function") return { token };
    try {
      return { token: await token() };
    } catch (cause) {
      return { kind: "broken", cause };
    }
  }

  /** An expired token is not final, because a function may renew it. A second rejected token is. */
  #finalErrorOf(end: SessionEnd): TidemarkError | undefined {
    if (end.kind === "refused") return end.error;
    if (end.kind !== "unauthorized") return undefined;
    if (this.#isTokenRejected || typeof this.#options.token !== "function") return end.error;
    this.#isTokenRejected = true;
    return undefined;
  }

  async #wait(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#timer = this.#environment.clock.schedule(delayMs, resolve);
    });
  }
}

/** A connection that lasted this long, milliseconds, resets the backoff. */
const STABLE_MS = 10_000;

function rethrow(error: TidemarkError): never {
  throw error;
}

/** A connection that never opened may have been rejected for the origin of its page. */
function causeOf(end: SessionEnd, url: URL): unknown {
  if ("error" in end) return end.error;
  const remedy = end.kind === "unopened" ? otherOriginRemedy(url.href) : undefined;
  if (remedy === undefined) return end.cause;
  return new TidemarkError("UNAVAILABLE", `No Tidemark server answers at ${url.origin}. ${remedy}`, {
    cause: end.cause,
  });
}
