import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import type { Limits } from "../../protocol/limits.js";
import { limitExceeded, type TidemarkError } from "../../protocol/tidemark-error.js";
import { KeyedCounter } from "../../util/keyed-counter.js";
import { clientAddressOf, forwardedClientAddressOf } from "./client-address.js";

/** Why nothing is done for a request. */
export interface HttpRejection {
  /** Of HTTP. */
  readonly status: number;
  readonly error: TidemarkError;
  /** Whether the connection ends with it. */
  readonly isLast?: boolean;
}

/**
 * How many connections there are, in all and from each address. Those that are too many are told so, if they ask
 * for anything; what was there before them goes on.
 *
 * Behind a proxy all connections come from one address. Where that is trusted to say whom it asks for, what a
 * client has open counts in their place: its WebSockets, event streams and requests under way.
 */
export class ConnectionLimiter {
  readonly #limits: Limits;
  readonly #trustsProxy: boolean;
  readonly #byAddress = new KeyedCounter<string>();
  readonly #counted = new WeakSet<Socket>();
  readonly #excess = new WeakMap<Socket, HttpRejection>();
  #size = 0;

  constructor(limits: Limits, { trustsProxy }: { readonly trustsProxy: boolean }) {
    this.#limits = limits;
    this.#trustsProxy = trustsProxy;
  }

  /** Connections that are open. */
  get size(): number {
    return this.#size;
  }

  /** To be called with each connection; calling it again with the same one is harmless. */
  opened(socket: Socket): void {
    if (this.#counted.has(socket)) return;
    this.#counted.add(socket);
    this.#size++;
    socket.once("close", () => this.#size--);
    if (this.#size > this.#limits.connectionsMax) this.#excess.set(socket, this.#tooMany());
    if (!this.#boundsAddresses || this.#trustsProxy) return;
    const refusal = this.#hold(clientAddressOf(socket.remoteAddress), socket);
    if (refusal && !this.#excess.has(socket)) this.#excess.set(socket, refusal);
  }

  /**
   * To be called with each request, and what is open for it: the answer, or the connection that it upgrades. Returns
   * why it is refused, if it is.
   */
  begin(request: IncomingMessage, open: Writable): HttpRejection | undefined {
    const refusal = this.#excess.get(request.socket);
    if (refusal || !this.#boundsAddresses || !this.#trustsProxy) return refusal;
    return this.#hold(forwardedClientAddressOf(request), open);
  }

  get #boundsAddresses(): boolean {
    return this.#limits.connectionsPerAddressMax !== Infinity;
  }

  #hold(address: string, open: Writable): HttpRejection | undefined {
    const count = this.#byAddress.increment(address);
    open.once("close", () => this.#byAddress.decrement(address));
    return count > this.#limits.connectionsPerAddressMax ? this.#tooManyFromOne() : undefined;
  }

  #tooMany(): HttpRejection {
    const { connectionsMax } = this.#limits;
    const what = "The server has too many connections. Try again";
    return { status: 503, error: limitExceeded("connectionsMax", what, connectionsMax), isLast: true };
  }

  #tooManyFromOne(): HttpRejection {
    const { connectionsPerAddressMax } = this.#limits;
    const what = "There are too many connections from your address. Close some";
    const error = limitExceeded("connectionsPerAddressMax", what, connectionsPerAddressMax);
    return { status: 429, error, isLast: true };
  }
}
