import { connect, type Connection } from "../../client/index.js";
import type { DatabaseEndpoint } from "../server-options.js";
import { serverError } from "./server-error.js";

/** Sends the requests of a command. */
export type ServerConnection = Pick<Connection, "request">;

/** Connects to the server of a command. A failed request says what to change on the command line. */
export function connectTo(server: DatabaseEndpoint): ServerConnection {
  const { url, token } = server;
  const connection = connect({ url, token });
  return {
    request: async (...args) => {
      const timer = setTimeout(() => noteSilence(url), SILENT_MS);
      try {
        return await connection.request(...args);
      } catch (error) {
        throw serverError(error, server);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

const SILENT_MS = 1_000;

function noteSilence(url: string): void {
  if (process.stderr.isTTY) process.stderr.write(`tidemark: waiting for ${url}\n`);
}
