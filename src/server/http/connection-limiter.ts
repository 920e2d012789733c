import type { IncomingMessage, ServerResponse } from "node:http";
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
 * Limits connections, in total and per address. The server answers requests on excess connections with an error, or if
 * they are health probes, and closes them; existing connections continue. Of excess connections, the oldest is closed for
 * one more than the reserve, so that idle ones never keep a probe out.
 *
 * Behind a proxy all connections come from one address. With a trusted proxy, the limiter instead counts what each
 * client has open: its WebSockets, event streams and requests in progress.
 */
export class ConnectionLimiter {
  readonly #limits: Limits;
  readonly #trustsProxy: boolean;
  readonly #byAddress = new KeyedCounter<string>();
  readonly #open = new Set<Socket>();
  /** Oldest first. */
  readonly #excess = new Map<Socket, HttpRejection>();

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
    socket.once("close", () => this.#closed(socket));
    const rejection = this.#rejectionOf(socket);
    if (!rejection) return;
    this.#excess.set(socket, rejection);
    if (this.#excess.size > RESERVED_CONNECTIONS) this.#closeOldestExcess();
  }

  /** Admits a health probe, also on an excess connection, which closes after the answer. */
  beginProbe(request: IncomingMessage, response: ServerResponse): void {
    if (this.#excess.has(request.socket)) response.shouldKeepAlive = false;
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

  #rejectionOf(socket: Socket): HttpRejection | undefined {
    const countsAddress = this.#limitsAddresses && !this.#trustsProxy;
    const tooManyFromAddress = countsAddress
      ? this.#countFor(clientAddressOf(socket.remoteAddress), socket)
      : undefined;
    const isExcess = this.#open.size - this.#excess.size > this.#limits.connectionsMax;
    return isExcess ? this.#tooMany() : tooManyFromAddress;
  }

  #closed(socket: Socket): void {
    this.#open.delete(socket);
    this.#excess.delete(socket);
  }

  #closeOldestExcess(): void {
    const [oldest] = this.#excess.keys();
    this.#closed(oldest!);
    oldest!.destroy();
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

/** Connections above the limit: for health probes, and to tell other clients why they are rejected. */
export const RESERVED_CONNECTIONS = 128;
