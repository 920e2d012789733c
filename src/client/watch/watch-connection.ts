import type { TidemarkError } from "../../protocol/tidemark-error.js";
import type { Token } from "../transport/endpoint.js";
import { Reconnection } from "../transport/reconnection.js";
import type { ServerList } from "../transport/server-list.js";
import type { WatchEnvironment } from "../transport/watch-environment.js";
import type { SessionEnd } from "../transport/session-end.js";
import { WatchSession, type SubscriptionRequest, type WatchTransport } from "../transport/watch-session.js";

export interface WatchConnectionOptions<Data> {
  readonly servers: ServerList;
  readonly token: Token | undefined;
  readonly attempt: Attempt;
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
  /**
   * A session ended, and the client will reconnect. `lastActivityAt` is when data last arrived. `isMoving`: to a server that
   * has not failed yet.
   */
  readonly onDisconnected: (lastActivityAt: number | undefined, end: SessionEnd, isMoving: boolean) => void;
  /** The server rejected the subscription. The client does not reconnect. */
  readonly onRejected: (error: TidemarkError) => void;
}

/** Opens a session over one transport, or over several one after the other. */
export type Attempt = (open: (transport: WatchTransport) => Promise<EndedSession>) => Promise<EndedSession>;

export interface EndedSession {
  readonly end: SessionEnd;
  /** Whether the server had accepted the connection. Default false. */
  readonly isAcknowledged?: boolean;
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

  constructor(options: WatchConnectionOptions<Data>, environment: WatchEnvironment) {
    const { servers, token, attempt, onDisconnected, onRejected } = options;
    this.#options = options;
    this.#environment = environment;
    this.#reconnection = new Reconnection(
      {
        attempt: async () => (await attempt(this.#open)).end,
        mayRenewToken: typeof token === "function",
        servers,
        onDisconnected: (end, isMoving) => onDisconnected(this.#session?.lastActivityAt, end, isMoving),
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

  readonly #open = async (transport: WatchTransport): Promise<EndedSession> => {
    const { servers, keepAliveMs, request, onFailedEvent = rethrow, isInBackground = false } = this.#options;
    const token = await this.#currentToken();
    if (this.#reconnection.isClosed || "kind" in token)
      return { end: "kind" in token ? token : { kind: "broken" } };
    const session = (this.#session = new WatchSession({
      clock: this.#environment.clock,
      keepAliveMs,
      openingMs: servers.urls.length > 1 ? OPENING_MS_OF_SEVERAL : OPENING_MS,
      onData: this.#onData,
      onFailedEvent,
    }));
    transport({ url: `${servers.url}/graphql`, isInBackground, ...token, ...request() }, session).catch(
      (cause: unknown) => {
        session.end({ kind: session.isAcknowledged ? "broken" : "unopened", cause });
      },
    );
    return { end: await session.ended, isAcknowledged: session.isAcknowledged };
  };

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

/** Time limits for the acknowledgement of one server, and of each if there are others, milliseconds. */
const OPENING_MS = 10_000;
const OPENING_MS_OF_SEVERAL = 5_000;

function rethrow(error: TidemarkError): never {
  throw error;
}
