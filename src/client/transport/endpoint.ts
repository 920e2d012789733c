import { DEFAULT_URL } from "../../protocol/default-url.js";
import { environmentVariable } from "../platform.js";
import type { Token } from "./token.js";

/** The server, the token and the database. */
export interface EndpointOptions {
  /** The server's address. Default: the variable TIDEMARK_URL, else http://127.0.0.1:4000. */
  readonly url?: string | undefined;
  /** The token to authenticate with; a function is called for each attempt. Default: the variable TIDEMARK_TOKEN, else none. */
  readonly token?: Token | undefined;
  /** The database of the jobs. Default: the variable TIDEMARK_DATABASE, else `default`. */
  readonly database?: string | undefined;
}

/** Fills in the defaults. */
export function resolveEndpoint({ url, token, database }: EndpointOptions): Endpoint {
  return {
    url: url ?? environmentVariable("TIDEMARK_URL") ?? DEFAULT_URL,
    token: token ?? environmentVariable("TIDEMARK_TOKEN"),
    database: database ?? environmentVariable("TIDEMARK_DATABASE") ?? "default",
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
