import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import type { Limits } from "../../protocol/limits.js";
import { limitExceeded, type TidemarkError } from "../../protocol/tidemark-error.js";
import { KeyedCounter } from "../../util/keyed-counter.js";
import { clientAddressOf, forwardedClientAddressOf } from "./client-address.js";

/** The error response for a request that the server does not process. */
export interface HttpRejection {
  readonly status: number;
  readonly error: TidemarkError;
  /** Whether the connection closes after the response. */
  readonly isLast?: boolean;
}

/**
 * Limits connections, in total and per address. The server answers requests on excess connections with an error;
 * existing connections continue.
 *
 * Behind a proxy all connections come from one address. With a trusted proxy, the limiter instead counts what each
 * client has open: its WebSockets, event streams and requests in progress.
 */
export class ConnectionLimiter {
  readonly #limits: Limits;
  readonly #trustsProxy: boolean;
  readonly #byAddress = new KeyedCounter<string>();
  readonly #open = new Set<Socket>();
  readonly #excess = new WeakMap<Socket, HttpRejection>();

  constructor(limits: Limits, { trustsProxy }: { readonly trustsProxy: boolean }) {
    this.#limits = limits;
    this.#trustsProxy = trustsProxy;
  }

  /** Open connections. */
  get size(): number {
    return this.#open.size;
  }

  /** The open connections themselves. */
  get sockets(): Iterable<Socket> {
    return this.#open;
  }

  /** Counts a connection. Idempotent. */
  opened(socket: Socket): void {
    if (this.#open.has(socket)) return;
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
    if (this.#open.size > this.#limits.connectionsMax) this.#excess.set(socket, this.#tooMany());
    if (!this.#limitsAddresses || this.#trustsProxy) return;
    const rejection = this.#countFor(clientAddressOf(socket.remoteAddress), socket);
    if (rejection && !this.#excess.has(socket)) this.#excess.set(socket, rejection);
  }

  /**
   * Admits or rejects a request.
   * @param open stays open as long as the request counts: the response, or the connection that it upgrades.
   */
  begin(request: IncomingMessage, open: Writable): HttpRejection | undefined {
    const rejection = this.#excess.get(request.socket);
    if (rejection || !this.#limitsAddresses || !this.#trustsProxy) return rejection;
    return this.#countFor(forwardedClientAddressOf(request), open);
  }

  get #limitsAddresses(): boolean {
    return this.#limits.connectionsPerAddressMax !== Infinity;
  }

  #countFor(address: string, open: Writable): HttpRejection | undefined {
    const count = this.#byAddress.increment(address);
    open.once("close", () => this.#byAddress.decrement(address));
    return count > this.#limits.connectionsPerAddressMax ? this.#tooManyFromAddress() : undefined;
  }

  #tooMany(): HttpRejection {
    const { connectionsMax } = this.#limits;
    const what = "Too many connections to this server. Try again later";
    return { status: 503, error: limitExceeded("connectionsMax", what, connectionsMax), isLast: true };
  }

  #tooManyFromAddress(): HttpRejection {
    const { connectionsPerAddressMax } = this.#limits;
    const what = "Too many connections from your address. Close some";
    const error = limitExceeded("connectionsPerAddressMax", what, connectionsPerAddressMax);
    return { status: 429, error, isLast: true };
  }
}
