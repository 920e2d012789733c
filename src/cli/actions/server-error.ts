import { rootCauseText, isConnectionRefused } from "../../client/transport/root-cause.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import type { ServerEndpoint } from "../server-options.js";

/**
 * The error of a request, in the words of the command line: where the address or the token comes from, and which option
 * to change. The SDK's message names the options of its functions instead.
 */
export function serverError(error: unknown, server: ServerEndpoint): unknown {
  if (!(error instanceof TidemarkError)) return error;
  return new TidemarkError(error.code, serverErrorText(error, server), error.extensions);
}

/** The message of `serverError`. */
export function serverErrorText({ code, message, cause }: TidemarkError, server: ServerEndpoint): string {
  if (code === "UNAUTHENTICATED") return tokenText(server);
  if (code === "FORBIDDEN" && /cover the database/.test(message))
    return `${message} Pass another with --database or TIDEMARK_DATABASE.`;
  if (code !== "UNAVAILABLE") return message;
  return cause === undefined
    ? `${message} The address is ${sourceOf(server)}.`
    : unansweredText(cause, server);
}

/** Why a watch is not connected, and what to do. */
export function disconnectedText(cause: unknown, server: ServerEndpoint): string {
  return cause instanceof TidemarkError ? serverErrorText(cause, server) : unansweredText(cause, server);
}

function unansweredText(cause: unknown, server: ServerEndpoint): string {
  const what = `No server answers at ${listed(server)} (${sourceOf(server)})`;
  if (isConnectionRefused(cause))
    return `${what}. Start one with "npx tidemark", or name another with --url or TIDEMARK_URL.`;
  if (rootCauseText(cause) === "wrong version number")
    return `${what}: the port speaks http, not https. Use ${listed(server).replaceAll(/\bhttps:/gi, "http:")}.`;
  const why = isTimeout(cause) ? "" : `: ${rootCauseText(cause)}`;
  return `${what}${why}. Check the address, and any proxy in between.`;
}

function tokenText(server: ServerEndpoint): string {
  const { token, tokenSource } = server;
  const url = listed(server);
  return !token
    ? `The server at ${url} requires a token: pass one with --token or TIDEMARK_TOKEN.`
    : `The server at ${url} rejects the token from ${tokenSource}: it is invalid, has expired or was revoked. Pass another.`;
}

function listed({ url }: ServerEndpoint): string {
  return url.replaceAll(",", ", ");
}

function isTimeout(cause: unknown): boolean {
  return cause instanceof Error && cause.name === "TimeoutError";
}

function sourceOf({ urlSource }: ServerEndpoint): string {
  return urlSource === undefined ? "the default" : `from ${urlSource}`;
}
