import type { IncomingMessage } from "node:http";
import { InvalidTokenError } from "../auth/invalid-token-error.js";
import { GraphQLError } from "graphql";
import { TidemarkError, isTransientLimit } from "../protocol/tidemark-error.js";
import type { Clock, Timer } from "../util/clock.js";
import type { Log } from "../util/log.js";
import { clientAddressOf, forwardedClientAddressOf } from "./http/client-address.js";
import { requestIdOf } from "./http/request-id.js";

/** The origin of a request, for the log. */
export interface Client {
  /** An IPv4 address, or an IPv6 network (/64). */
  readonly address: string;
  readonly requestId: string;
}

/**
 * Tells the operator which clients the server rejects, why, and which setting allows them. Clients can be rejected
 * thousands of times a second, so the log samples: it writes the first rejection of a kind at once, and then one line a
 * minute with the number of repetitions. Clients can also invent kinds, so the kinds per minute are bounded.
 */
export class RefusalLog {
  readonly #options: RefusalLogOptions;
  /** The kinds of the current minute, and those that were repeated in the previous one. */
  readonly #kinds = new Map<string, Kind>();
  #others = 0;
  #timer: Timer | undefined;

  constructor(options: RefusalLogOptions) {
    this.#options = options;
  }

  clientOf(request: IncomingMessage): Client {
    const address = this.#options.trustsProxy
      ? forwardedClientAddressOf(request)
      : clientAddressOf(request.socket.remoteAddress);
    return { address: address.includes(":") ? `${address}::/64` : address, requestId: requestIdOf(request) };
  }

  /** Logs a rejected token, or a limit that depends on the load. Clients see all other errors where they are made. */
  rejected(client: Client, error: unknown): void {
    if (error instanceof InvalidTokenError)
      return this.#sample("info", client, { reason: error.reason, id: error.tokenId }, "rejected a token");
    const limit = loadLimitOf(error);
    if (limit !== undefined) this.#sample("warn", client, { limit }, `rejected a request above ${limit}`);
  }

  /** @param origin the `Origin` header; undefined for a request of another site that has none, such as an image */
  originRejected(client: Client, origin: string | undefined): void {
    const message = `rejected a request of a page of another site. ${remedyFor(origin)}`;
    this.#sample("warn", client, { origin: shortened(origin) }, message);
  }

  hostRejected(client: Client, host: string): void {
    const name = shortened(host);
    const message = `rejected a request for an unknown host name. If it is a name of this server, allow it: --allow-host ${nameOf(name)}`;
    this.#sample("warn", client, { host: name }, message);
  }

  slowReaderClosed(client: Client): void {
    this.#sample("info", client, {}, "closed a connection because its client stopped reading");
  }

  /** Logs what has been counted. */
  close(): void {
    this.#timer?.cancel();
    this.#logRepeated();
  }

  #sample(level: Level, { address, requestId }: Client, details: object, message: string): void {
    const fields = { ...details, address };
    const key = JSON.stringify([message, fields]);
    const known = this.#kinds.get(key);
    if (known) return void known.repeated++;
    this.#timer ??= this.#options.clock.schedule(MINUTE_MS, () => this.#onMinute());
    if (this.#kinds.size >= KINDS_MAX) return void this.#others++;
    this.#kinds.set(key, { level, fields, message, repeated: 0 });
    this.#options.log[level]({ ...fields, requestId }, message);
  }

  #onMinute(): void {
    this.#logRepeated();
    const isIdle = this.#kinds.size === 0;
    this.#timer = isIdle ? undefined : this.#options.clock.schedule(MINUTE_MS, () => this.#onMinute());
  }

  #logRepeated(): void {
    const { log } = this.#options;
    for (const [key, kind] of this.#kinds) {
      if (kind.repeated === 0) this.#kinds.delete(key);
      else log[kind.level]({ ...kind.fields, repeated: kind.repeated }, `${kind.message} (repeated)`);
      kind.repeated = 0;
    }
    if (this.#others > 0) log.warn({ rejections: this.#others }, OTHERS);
    this.#others = 0;
  }
}

export interface RefusalLogOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly trustsProxy: boolean;
}

interface Kind {
  readonly level: Level;
  readonly fields: object;
  readonly message: string;
  /** Since the last line about it. */
  repeated: number;
}

type Level = "info" | "warn";

const MINUTE_MS = 60_000;
const KINDS_MAX = 20;
const OTHERS = `rejected further requests, of more than ${KINDS_MAX} clients or for more than ${KINDS_MAX} reasons in a minute`;

/** Longer than any DNS name with its scheme and port. */
const LENGTH_MAX = 300;

/** The exceeded limit, if it depends on the load and not on the request. */
function loadLimitOf(error: unknown): string | undefined {
  if (!(error instanceof TidemarkError || error instanceof GraphQLError)) return undefined;
  const { limit } = error.extensions;
  return isTransientLimit(limit) || limit === "messagesPerSecondMax" ? String(limit) : undefined;
}

function shortened<Value extends string | undefined>(value: Value): Value {
  return value?.slice(0, LENGTH_MAX) as Value; // safe: undefined stays undefined
}

function remedyFor(origin: string | undefined): string {
  return origin === undefined
    ? "It named no origin, as for an image or a script, so no setting allows it."
    : `If you trust its pages, allow them: --allow-origin ${shortened(origin)}`;
}

/** The name without its port. */
function nameOf(host: string): string {
  return host.replace(/:\d*$/, "");
}
