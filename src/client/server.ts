import { environmentVariable } from "./surroundings.js";
import type { Token } from "./token.js";

/** Which server, who asks it, and about which database. */
export interface ServerOptions {
  /** The server's address. Default: the variable TIDEMARK_URL, else http://localhost:4000. */
  readonly url?: string | undefined;
  /** What proves who you are; a function is asked each time. Default: the variable TIDEMARK_TOKEN, else none. */
  readonly token?: Token | undefined;
  /** The database of the jobs. Default: the variable TIDEMARK_DATABASE, else `default`. */
  readonly database?: string | undefined;
}

/** With what is not said filled in. */
export function serverOf({ url, token, database }: ServerOptions): Server {
  return {
    url: url ?? environmentVariable("TIDEMARK_URL") ?? DEFAULT_URL,
    token: token ?? environmentVariable("TIDEMARK_TOKEN"),
    database: database ?? environmentVariable("TIDEMARK_DATABASE") ?? "default",
  };
}

interface Server {
  readonly url: string;
  readonly token: Token | undefined;
  readonly database: string;
}

/** What to throw for an address that is none. */
export function noAddress(url: string): TypeError {
  return new TypeError(`${JSON.stringify(url)} is no address of a server: give one like ${DEFAULT_URL}.`);
}

const DEFAULT_URL = "http://localhost:4000";
