import { DEFAULT_DATABASE } from "../../protocol/default-database.js";
import { DEFAULT_URL } from "../../protocol/default-url.js";
import { parseServerUrls } from "../../protocol/server-urls.js";
import { environmentVariable } from "../platform.js";
import type { ServerMove } from "./server-list.js";

/** A bearer token, or a function that returns a current one each time. An empty token sends no credentials. */
export type Token = string | (() => string | Promise<string>);

/** The server, the token and the database to use. */
export interface EndpointOptions {
  /**
   * The server's address, or those of several nodes: as a list, or as a text with commas in between. The client uses the first
   * one, moves on to the next when a server cannot be reached or takes no requests, and stays there. Default: the environment
   * variable TIDEMARK_URL, else http://127.0.0.1:4000.
   */
  readonly url?: string | readonly string[] | undefined;
  /** Another server answers than before, because that one failed. Default: ignored. */
  readonly onMoved?: ((move: ServerMove) => void) | undefined;
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
  readonly url: string | readonly string[];
  readonly token: Token | undefined;
  readonly database: string;
}

/** The addresses of one or several servers. @throws TypeError if one is invalid. */
export function serverUrls(url: string | readonly string[]): readonly string[] {
  return parseServerUrls(url, invalidAddress);
}

function invalidAddress(url: string): TypeError {
  return new TypeError(
    `Invalid server address ${JSON.stringify(url)}: expected one like ${DEFAULT_URL}, or several with commas.`,
  );
}

/**
 * The headers of a request, or the payload of a WebSocket's `connection_init`, that carry the token, without the line break of the
 * file that it was read from. A header can't contain other characters than these, and the error of `fetch` would show the token.
 */
export function authorizationOf(token = ""): { readonly authorization?: string } {
  const sent = token.replace(/[^!-~]+/g, "");
  return sent ? { authorization: `Bearer ${sent}` } : {};
}
