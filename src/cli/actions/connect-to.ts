import { connect, type Connection, type ServerMove } from "../../client/index.js";
import { moveText } from "../render/move-text.js";
import { sanitizeForTerminal } from "../render/sanitize.js";
import type { DatabaseEndpoint } from "../server-options.js";
import { serverError } from "./server-error.js";

/** Sends the requests of a command. */
export interface ServerConnection extends Pick<Connection, "request"> {
  /** The address of the server in use. */
  readonly url: string;
}

/**
 * Connects to the server of a command, or to the first of several that answers. A failed request says what to change on
 * the command line.
 */
export function connectTo(server: DatabaseEndpoint): ServerConnection {
  const { url, token } = server;
  let inUse = firstOf(url);
  const onMoved = (move: ServerMove): void => {
    inUse = move.to;
    process.stderr.write(`tidemark: ${sanitizeForTerminal(moveText(move))}\n`);
  };
  const connection = connect({ url, token, onMoved });
  return {
    get url() {
      return inUse;
    },
    request: async (document, variables) => {
      const timer = setTimeout(() => noteSilence(url), SILENT_MS);
      try {
        return await connection.request(document, variables, { isRepeatable: true });
      } catch (error) {
        throw serverError(error, server);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** The first address of a list. */
export function firstOf(urls: string): string {
  return urls.split(",")[0]!; // safe: a text has a first part
}

const SILENT_MS = 1_000;

function noteSilence(url: string): void {
  if (process.stderr.isTTY) process.stderr.write(`tidemark: waiting for ${url}\n`);
}
