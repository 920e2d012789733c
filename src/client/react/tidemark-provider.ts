import {
  createContext,
  createElement,
  useContext,
  useInsertionEffect,
  useMemo,
  type ReactElement,
  type ReactNode,
} from "react";
import type { Token } from "../transport/endpoint.js";
import type { WatchTransportName } from "../watch/watch-options.js";
import { WatchClient } from "./watch-client.js";

/** Properties of `TidemarkProvider`. All are optional. */
export interface TidemarkProviderProps {
  /**
   * The server's address; in a page it may be relative. Those of several nodes are a list, as for `connect`. Default: the origin of the page. Outside of pages, the environment
   * variable TIDEMARK_URL, else http://127.0.0.1:4000.
   */
  readonly url?: string | readonly string[] | undefined;
  /**
   * The token to authenticate with, or a function that returns a current one, which is called for each connection. Another
   * text, not another function, subscribes anew. Default: no token.
   */
  readonly token?: Token | undefined;
  /** The database of hooks that name none. Default `default`. */
  readonly database?: string | undefined;
  /** The transport. Default `auto`: a WebSocket, or server-sent events if the network blocks WebSockets. */
  readonly transport?: WatchTransportName | undefined;
  /** Time between two pings, milliseconds, as for `watch`. Default 12,000. */
  readonly keepAliveMs?: number | undefined;
  /** The components whose hooks use this server. */
  readonly children?: ReactNode;
}

/** Without a provider, all defaults apply. */
const ClientContext = createContext<WatchClient | undefined>(undefined);
let defaultClient: WatchClient | undefined;

/**
 * Says once which server, token and database the hooks below use. Without it, they use the defaults. It connects to nothing
 * by itself: the first hook does.
 *
 *     <TidemarkProvider url="https://tidemark.example" token={() => session.accessToken()} database="production">
 *       <App />
 *     </TidemarkProvider>
 */
export function TidemarkProvider(props: TidemarkProviderProps): ReactElement {
  const { token, database, transport, keepAliveMs, children } = props;
  const url = props.url === undefined ? undefined : String(props.url); // a list may be written inline
  const tokenText = typeof token === "function" ? true : token;
  const client = useMemo(
    () => new WatchClient({ url, token, database, transport, keepAliveMs }),
    // Another function is the same token: see `replaceToken`.
    [url, tokenText, database, transport, keepAliveMs],
  );
  useInsertionEffect(() => client.replaceToken(token), [client, token]);
  return createElement(ClientContext.Provider, { value: client }, children);
}

/** The client of the nearest provider, or the one with all defaults. */
export function useWatchClient(): WatchClient {
  return useContext(ClientContext) ?? (defaultClient ??= new WatchClient({}));
}
