import type { TidemarkError } from "../../protocol/tidemark-error.js";
import type { Token } from "../transport/endpoint.js";
import { noServerError } from "../transport/no-server-error.js";
import { Reconnection } from "../transport/reconnection.js";
import type { WatchEnvironment } from "../transport/watch-environment.js";
import type { SessionEnd } from "../transport/session-end.js";
import { WatchSession, type SubscriptionRequest, type WatchTransport } from "../transport/watch-session.js";

export interface WatchConnectionOptions<Data> {
  readonly url: URL;
  readonly token: Token | undefined;
  /** Each attempt tries the second if the first does not open. Only a watch loads both, so that reporting stays small. */
  readonly transports: readonly [WatchTransport, WatchTransport?];
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
  readonly #reconnection: Reconnection;
  #session: WatchSession | undefined;
  /** The transports that have connected at least once. */
  readonly #proven = new Set<WatchTransport>();

  constructor(options: WatchConnectionOptions<Data>, environment: WatchEnvironment) {
    const { url, token, onDisconnected, onRejected } = options;
    this.#options = options;
    this.#environment = environment;
    this.#reconnection = new Reconnection(
      {
        attempt: () => this.#attempt(),
        mayRenewToken: typeof token === "function",
        onDisconnected: (end) => onDisconnected(this.#session?.lastActivityAt, causeOf(end, url)),
        onRejected,
      },
      environment,
    );
  }

  /** Resolves when the connection is closed or rejected by the server; never rejects. */
  run(): Promise<void> {
    return this.#reconnection.run();
  }

  /** Closes the connection immediately. Has no effect a second time. */
  close(): void {
    this.#reconnection.close();
    this.#session?.end({ kind: "broken" });
  }

  async #attempt(): Promise<SessionEnd> {
    const [first, second] = this.#transports();
    const end = await this.#open(first);
    return end.kind === "unopened" && second && !this.#reconnection.isClosed ? this.#open(second) : end;
  }

  /** Prefers the second transport once it has connected and the first never has. */
  #transports(): readonly [WatchTransport, WatchTransport?] {
    const { transports } = this.#options;
    const [first, second] = transports;
    return second && this.#proven.has(second) && !this.#proven.has(first) ? [second, first] : transports;
  }

  async #open(transport: WatchTransport): Promise<SessionEnd> {
    const { url, keepAliveMs, request, onFailedEvent = rethrow, isInBackground = false } = this.#options;
    const token = await this.#currentToken();
    if (this.#reconnection.isClosed || "kind" in token) return "kind" in token ? token : { kind: "broken" };
    const session = (this.#session = new WatchSession({
      clock: this.#environment.clock,
      keepAliveMs,
      onData: this.#onData,
      onFailedEvent,
    }));
    transport({ url, isInBackground, ...token, ...request() }, session).catch((cause: unknown) => {
      session.end({ kind: session.isAcknowledged ? "broken" : "unopened", cause });
    });
    const end = await session.ended;
    if (session.isAcknowledged) this.#proven.add(transport);
    return end;
  }

  readonly #onData = (data: unknown): void => {
    this.#reconnection.onData();
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
}

function rethrow(error: TidemarkError): never {
  throw error;
}

function causeOf(end: SessionEnd, url: URL): unknown {
  if ("error" in end) return end.error;
  return end.kind === "unopened" ? noServerError(url.href.replace(/\/graphql$/, ""), end.cause) : end.cause;
}
