import { randomUUID } from "node:crypto";
import { GraphQLError } from "graphql";
import { ERROR_CODES, type ErrorCode } from "../../protocol/error-codes.js";
import { truncateText, TidemarkError } from "../../protocol/tidemark-error.js";
import type { Log } from "../../util/log.js";

/**
 * What of a failure a client is told. Ours is told as it is; graphql-js's own (a syntax error, a variable of
 * the wrong type) is the client's fault; anything else is a defect of this server: it is logged whole under
 * an id, and the client is told the id and nothing else. No stack, no path, no library's words leave here.
 */
export function maskError(error: unknown, log: Log): GraphQLError {
  const graphqlError = asGraphQLError(error);
  const cause = rootCause(graphqlError);
  if (cause instanceof TidemarkError) return withExtensions(graphqlError, { ...cause.extensions });
  if (cause === undefined)
    return isMasked(graphqlError) ? graphqlError : withExtensions(graphqlError, requestError(graphqlError));
  return masked(graphqlError, cause, log);
}

/** `error` as graphql-js would have it. */
export function asGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError });
}

/** The error that a resolver or a scalar threw; undefined when graphql-js itself found fault with the request. */
function rootCause({ originalError, path }: GraphQLError): unknown {
  if (!(originalError instanceof GraphQLError)) return originalError;
  return path && isServerFault(originalError) ? originalError : rootCause(originalError);
}

/** Of a value that a resolver gave and no client may see: what graphql-js finds in a request it says where. */
function isServerFault({ originalError, nodes, extensions }: GraphQLError): boolean {
  return originalError === undefined && nodes === undefined && extensions["code"] === undefined;
}

/** `error` where it was, with other extensions. */
export function withExtensions(error: GraphQLError, extensions: Record<string, unknown>): GraphQLError {
  const { message, nodes, source, positions, path } = error;
  return new GraphQLError(truncateText(message), {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    extensions,
  });
}

function masked(error: GraphQLError, cause: unknown, log: Log): GraphQLError {
  const errorId = randomUUID();
  log.error({ err: cause, errorId, path: error.path }, "an operation failed unexpectedly");
  const { nodes, path } = error;
  return new GraphQLError(`Something went wrong in the server. Its log says more about ${errorId}.`, {
    nodes: nodes ?? null,
    path: path ?? null,
    extensions: { code: "INTERNAL" satisfies ErrorCode, errorId },
  });
}

/** Whether it has one of our codes, and so came through here before or was made to be told. */
function isMasked({ extensions }: GraphQLError): boolean {
  return ERROR_CODES.some((code) => code === extensions["code"]);
}

/** What graphql-js or a transport found wrong with the request, with the HTTP status if it gave one. */
function requestError({ extensions }: GraphQLError): Record<string, unknown> {
  const code: ErrorCode = "BAD_USER_INPUT";
  return "http" in extensions ? { code, http: extensions["http"] } : { code };
}
