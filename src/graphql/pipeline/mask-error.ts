import { randomUUID } from "node:crypto";
import { GraphQLError } from "graphql";
import { ERROR_CODES, type ErrorCode } from "../../protocol/error-codes.js";
import { truncateText, TidemarkError } from "../../protocol/tidemark-error.js";
import type { Log } from "../../util/log.js";

/**
 * Converts an error into one that a client may see. A TidemarkError stays as it is. An error of graphql-js (a syntax
 * error, a variable of the wrong type) is the client's fault. Any other error is a defect of the server: it is logged
 * under an id, and the client receives only that id, never a stack, a file path or a library's message.
 *
 * @param requestId the id of the request, which errors of the server name, so that the operator can find it in the log.
 */
export function maskError(error: unknown, log: Log, requestId?: string): GraphQLError {
  const graphqlError = asGraphQLError(error);
  const cause = rootCause(graphqlError);
  if (cause instanceof TidemarkError) return withExtensions(graphqlError, extensionsOf(cause, requestId));
  if (cause === undefined)
    return isMasked(graphqlError) ? graphqlError : withExtensions(graphqlError, requestError(graphqlError));
  return masked(graphqlError, cause, log, requestId);
}

export function asGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError });
}

/** The error that a resolver or a scalar threw; undefined if graphql-js itself rejected the request. */
function rootCause({ originalError, path }: GraphQLError): unknown {
  if (!(originalError instanceof GraphQLError)) return originalError;
  return path && isServerFault(originalError) ? originalError : rootCause(originalError);
}

/** Whether a resolver returned an invalid value: errors in the request have nodes. */
function isServerFault({ originalError, nodes, extensions }: GraphQLError): boolean {
  return originalError === undefined && nodes === undefined && extensions["code"] === undefined;
}

/** A copy of `error` with other extensions. */
export function withExtensions(
  error: GraphQLError,
  extensions: Record<string, unknown>,
  message = error.message,
): GraphQLError {
  const { nodes, source, positions, path } = error;
  return new GraphQLError(truncateText(message), {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    extensions,
  });
}

/** Tells the client that the change was applied, although its result is missing. */
export function asApplied(error: GraphQLError): GraphQLError {
  const message = `${error.message} The change was applied.`;
  return withExtensions(error, { ...error.extensions, applied: true }, message);
}

function extensionsOf({ code, extensions }: TidemarkError, requestId?: string): Record<string, unknown> {
  return code === "UNAVAILABLE" && requestId !== undefined ? { ...extensions, requestId } : { ...extensions };
}

function masked(error: GraphQLError, cause: unknown, log: Log, requestId?: string): GraphQLError {
  const errorId = randomUUID();
  const ids = { errorId, ...(requestId !== undefined && { requestId }) };
  log.error({ err: cause, ...ids, path: error.path }, "operation failed unexpectedly");
  const { nodes, path } = error;
  return new GraphQLError(`Internal server error. The server's log has the details under ${errorId}.`, {
    nodes: nodes ?? null,
    path: path ?? null,
    extensions: { code: "INTERNAL" satisfies ErrorCode, ...ids },
  });
}

/** Whether the error has a code of Tidemark, because it was masked before or was created for clients. */
function isMasked({ extensions }: GraphQLError): boolean {
  return ERROR_CODES.some((code) => code === extensions["code"]);
}

/** The extensions of an error in the request, with the HTTP status if the transport set one. */
function requestError({ extensions }: GraphQLError): Record<string, unknown> {
  const code: ErrorCode = "BAD_USER_INPUT";
  return "http" in extensions ? { code, http: extensions["http"] } : { code };
}
