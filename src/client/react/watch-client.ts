import type { TidemarkError } from "../../protocol/tidemark-error.js";
import { resolveEndpoint, type EndpointOptions, type Token } from "../transport/endpoint.js";
import { watch, type Watch } from "../watch/watch.js";
import type { WatchOptions } from "../watch/watch-options.js";
import { CONNECTING, mergedState, NOT_CONNECTED, type ConnectionState } from "./connection-state.js";
import { requestError } from "./request-error.js";
import { NOT_LOADED, SharedWatch, type SharedWatchState } from "./shared-watch.js";
import { coveringScopes, scopeKey, type WatchScope } from "./watch-scope.js";

export type WatchClientOptions = Omit<EndpointOptions, "onMoved"> &
  Pick<WatchOptions, "transport" | "keepAliveMs">;

/**
 * The server of a provider, and the watches that its components share. It opens them when components are on the screen, so
 * that rendering has no effect.
 */
export class WatchClient {
  /** The database of components that name none. */
  readonly database: string;
  /** The address of the server, or those of several with commas in between. They may be invalid. */
  readonly url: string;
  readonly #options: WatchClientOptions;
  #token: Token | undefined;
  readonly #watches = new Map<string, SharedWatch>();
  readonly #listeners = new Set<() => void>();
  #connection = CONNECTING;

  constructor(options: WatchClientOptions) {
    const { database, url, token } = resolveEndpoint({ ...options, url: addressOf(options.url) });
    this.database = database;
    this.#options = options;
    this.url = String(url);
    this.#token = token;
  }

  /** The token. A function calls the one of the latest render. */
  get token(): Token | undefined {
    const token = this.#token;
    return typeof token === "function" ? () => (this.#token as typeof token)() : token;
  }

  /** The state of all watches as one. */
  readonly getConnection = (): ConnectionState => this.#connection;

  readonly onConnectionChange = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /** Replaces a function by one that is written inline, and hence another one in each render. */
  replaceToken(token: Token | undefined): void {
    if (typeof token === "function") this.#token = token;
  }

  stateOf(scope: WatchScope): SharedWatchState {
    return this.#find(scope)?.state ?? NOT_LOADED;
  }

  /**
   * Calls back when the state of the scope changes. While something listens, `stateOf` reads the watch that was found here:
   * a scope that is covered opens none.
   */
  subscribe(scope: WatchScope, listener: () => void): () => void {
    return (this.#find(scope) ?? this.#open(scope)).subscribe(listener);
  }

  #find(scope: WatchScope): SharedWatch | undefined {
    return coveringScopes(scope)
      .map((candidate) => this.#watches.get(scopeKey(candidate)))
      .find((found) => found && !found.isAbandoned);
  }

  #open(scope: WatchScope): SharedWatch {
    const key = scopeKey(scope);
    const opened = new SharedWatch({
      url: this.url,
      open: () => this.#watch(scope),
      probe: () => unreachableError(this),
      onChange: () => this.#updateConnection(),
      onClosed: () => {
        if (this.#watches.get(key) === opened) this.#watches.delete(key);
        this.#updateConnection();
      },
    });
    this.#watches.set(key, opened);
    this.#updateConnection();
    return opened;
  }

  #watch(scope: WatchScope): Watch {
    const { transport, keepAliveMs } = this.#options;
    return watch({ ...scope, url: this.url, token: this.token, transport, keepAliveMs });
  }

  #updateConnection(): void {
    const states = [...this.#watches.values()].map(({ state }) => state.connection);
    const connection = states.length > 0 ? mergedState(states) : NOT_CONNECTED;
    if (connection === this.#connection) return;
    this.#connection = connection;
    for (const listener of this.#listeners) listener();
  }
}

/** Sends a query that every server answers. Other rejections than an absent server are left to the watch. */
async function unreachableError(client: WatchClient): Promise<TidemarkError | undefined> {
  const error = await requestError(client, "{__typename}", {});
  return error?.code === "UNAVAILABLE" ? error : undefined;
}

/** In a page, addresses may be relative to its origin, which is also the default. */
function addressOf(url: EndpointOptions["url"]): string | undefined {
  const { location } = globalThis as { readonly location?: { readonly origin: string } };
  const origin = location && /^https?:/.test(location.origin) ? location.origin : undefined;
  const addresses = url === undefined ? origin : String(url);
  return addresses
    ?.split(",")
    .map((address) => (URL.canParse(address, origin) ? new URL(address, origin).href : address))
    .join(",");
}
