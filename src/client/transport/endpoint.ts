import { DEFAULT_DATABASE } from "../../protocol/default-database.js";
import { DEFAULT_URL } from "../../protocol/default-url.js";
import { environmentVariable } from "../platform.js";

/** A bearer token, or a function that returns a current one each time. An empty token sends no credentials. */
export type Token = string | (() => string | Promise<string>);

/** The server, the token and the database to use. */
export interface EndpointOptions {
  /** The server's address. Default: the environment variable TIDEMARK_URL, else http://127.0.0.1:4000. */
  readonly url?: string | undefined;
  /**
   * The token to authenticate with. A function is called for each request or connection, so it can renew an expired
   * token. Default: the environment variable TIDEMARK_TOKEN, else no token.
   */
  readonly token?: Token | undefined;
  /** The database of the jobs. Default: the environment variable TIDEMARK_DATABASE, else `default`. */
  readonly database?: string | undefined;
}

export function resolveEndpoint({ url, token, database }: EndpointOptions): Endpoint {
  return {
    url: url ?? environmentVariable("TIDEMARK_URL") ?? DEFAULT_URL,
    token: token ?? environmentVariable("TIDEMARK_TOKEN"),
    database: database ?? environmentVariable("TIDEMARK_DATABASE") ?? DEFAULT_DATABASE,
  };
}

interface Endpoint {
  readonly url: string;
  readonly token: Token | undefined;
  readonly database: string;
}

/** The error for an invalid server address. */
export function invalidAddress(url: string): TypeError {
  return new TypeError(`Invalid server address ${JSON.stringify(url)}: expected one like ${DEFAULT_URL}.`);
}

/**
 * The headers of a request, or the payload of a WebSocket's `connection_init`, that carry the token, without the line break of the
 * file that it was read from. A header can't contain other characters than these, and the error of `fetch` would show the token.
 */
export function authorizationOf(token = ""): { readonly authorization?: string } {
  const sent = token.replace(/[^!-~]+/g, "");
  return sent ? { authorization: `Bearer ${sent}` } : {};
}
