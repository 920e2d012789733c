import type { TidemarkError } from "../../protocol/tidemark-error.js";
import { sseTransport } from "../transport/sse-transport.js";
import type { ClientTimer } from "../platform.js";
import type { Token } from "../transport/token.js";
import type { WatchEnvironment } from "./watch-environment.js";
import { ReconnectDelays } from "./reconnect-delays.js";
import {
  WatchSession,
  type SessionEnd,
  type SubscriptionRequest,
  type WatchTransport,
} from "../transport/watch-session.js";
import { webSocketTransport } from "../transport/websocket-transport.js";

/** Which way to the server: `auto` is a WebSocket, and server-sent events where that does not get through. */
export type WatchTransportName = "auto" | "websocket" | "sse";

export interface WatchConnectionOptions<Data> {
  readonly url: URL;
  readonly token: Token | undefined;
  readonly transport: WatchTransportName;
  readonly keepAliveMs: number;
  /** What to ask now: it is asked anew for each connection. */
  readonly request: () => Pick<SubscriptionRequest, "query" | "variables">;
  /** The process may end meanwhile; so far only over a WebSocket. Default false. */
  readonly isInBackground?: boolean;
  /** What the subscription tells. What it throws ends the session, and another one begins. */
  readonly onData: (data: Data) => void;
  /** A session has ended, and there will be another. `heardAt` is when something came from the server last. */
  readonly onDisconnected: (heardAt: number | undefined, cause: unknown) => void;
  /** There will be none. */
  readonly onRejected: (error: TidemarkError) => void;
}

/**
 * One session after another, until it is closed or refused.
 *
 *     opening ──acknowledged──► open ──► broken ──► pause ──► opening …
 *        │                                ▲
 *        ├── a WebSocket did not get through: server-sent events, in the same attempt
 *        ├── the token is refused: another one is asked for, once
 *        └── refused: the end
 */
export class WatchConnection<Data> {
  readonly #options: WatchConnectionOptions<Data>;
  readonly #environment: WatchEnvironment;
  readonly #pauses: ReconnectDelays;
  #session: WatchSession | undefined;
  #isClosed = false;
  /** Ends the pause that it is in. */
  #wake: (() => void) | undefined;
  #timer: ClientTimer | undefined;
  /** Which transports have been acknowledged. */
  readonly #proven = new Set<WatchTransport>();
  /** The latest token was refused, and the one before was not. */
  #isTokenRefused = false;

  constructor(options: WatchConnectionOptions<Data>, environment: WatchEnvironment) {
    this.#options = options;
    this.#environment = environment;
    this.#pauses = new ReconnectDelays(environment.random);
  }

  /** Resolves when it is closed or refused, and never rejects. */
  async run(): Promise<void> {
    while (!this.#isClosed) {
      const end = await this.#attempt();
      if (this.#isClosed) return;
      const error = this.#finalErrorOf(end);
      if (error) return this.#options.onRejected(error);
      this.#options.onDisconnected(this.#session?.lastActivityAt, causeOf(end));
      const pauseMs = this.#pauses.next(end.kind === "broken" && end.isGoingAway);
      if (pauseMs > 0) await this.#pause(pauseMs);
    }
  }

  /** At once; twice is harmless. */
  close(): void {
    this.#isClosed = true;
    this.#session?.end({ kind: "broken" });
    this.#timer?.cancel();
    this.#wake?.();
  }

  async #attempt(): Promise<SessionEnd> {
    const [first, second] = this.#ways();
    const end = await this.#open(first);
    return end.kind === "unopened" && second && !this.#isClosed ? this.#open(second) : end;
  }

  /** Where a WebSocket has never got through and server-sent events have, those come first. */
  #ways(): readonly [WatchTransport, WatchTransport?] {
    const { transport } = this.#options;
    if (transport === "sse") return [sseTransport];
    if (transport === "websocket") return [webSocketTransport];
    const isBlocked = this.#proven.has(sseTransport) && !this.#proven.has(webSocketTransport);
    return isBlocked ? [sseTransport, webSocketTransport] : [webSocketTransport, sseTransport];
  }

  async #open(transport: WatchTransport): Promise<SessionEnd> {
    const { url, keepAliveMs, request, isInBackground = false } = this.#options;
    const { clock } = this.#environment;
    const openedAt = clock.now();
    const token = await this.#askToken();
    if (this.#isClosed || "kind" in token) return "kind" in token ? token : { kind: "broken" };
    const session = (this.#session = new WatchSession({ clock, keepAliveMs, onData: this.#onData }));
    transport({ url, isInBackground, ...token, ...request() }, session).catch((cause: unknown) => {
      session.end({ kind: session.isAcknowledged ? "broken" : "unopened", cause });
    });
    const end = await session.ended;
    if (!session.isAcknowledged) return end;
    this.#proven.add(transport);
    if (clock.now() - openedAt >= CALM_MS) this.#pauses.reset();
    return end;
  }

  readonly #onData = (data: unknown): void => {
    this.#isTokenRefused = false;
    this.#options.onData(data as Data); // safe: the document is ours, and so is the server
  };

  /** Where a token can't be had now, it may later. */
  async #askToken(): Promise<{ readonly token: string | undefined } | SessionEnd> {
    const { token } = this.#options;
    if (typeof token !== "function") return { token };
    try {
      return { token: await token() };
    } catch (cause) {
      return { kind: "broken", cause };
    }
  }

  /** A token that has run out is no error; another one that is refused as well is. */
  #finalErrorOf(end: SessionEnd): TidemarkError | undefined {
    if (end.kind === "refused") return end.error;
    if (end.kind !== "unauthorized") return undefined;
    if (this.#isTokenRefused || typeof this.#options.token !== "function") return end.error;
    this.#isTokenRefused = true;
    return undefined;
  }

  async #pause(pauseMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#timer = this.#environment.clock.schedule(pauseMs, resolve);
    });
  }
}

/** A connection that has held so long, milliseconds, was a good one. */
const CALM_MS = 10_000;

function causeOf(end: SessionEnd): unknown {
  return "error" in end ? end.error : end.cause;
}
