/** Errors in the server's responses, and whether a retry may succeed. */
import { ERROR_CODES, type ErrorCode } from "../../protocol/error-codes.js";
import { TidemarkError, isTransientLimit, type ErrorExtensions } from "../../protocol/tidemark-error.js";

/** A GraphQL error in JSON. The server is trusted to send this shape. */
export interface ResponseError {
  readonly message: string;
  readonly extensions?: Omit<ErrorExtensions, "code"> & { readonly code?: string };
}

/** @param fallbackCode is used when the server sends no code, or one that this version does not know. */
export function toTidemarkError(
  { message, extensions = {} }: ResponseError,
  fallbackCode: ErrorCode,
): TidemarkError {
  const { code, ...options } = extensions;
  const known = ERROR_CODES.find((one) => one === code) ?? fallbackCode;
  return new TidemarkError(known, message, options);
}

/** The message for an address at which something else answers: a proxy without its server, or another program. */
export function notTidemark(url: string, status: number): string {
  return status > 501 && status < 505
    ? `The proxy at ${url} cannot reach Tidemark (HTTP status ${status}). Is the server running?`
    : `Not a Tidemark server at ${url} (HTTP status ${status}). Check the address and any proxy in between.`;
}

/** Whether the same request may succeed later: an outage, a transient limit, or a token that can be renewed. */
export function isRetryable({ code, extensions: { limit } }: TidemarkError): boolean {
  if (code === "LIMIT_EXCEEDED") return isTransientLimit(limit);
  return code === "UNAVAILABLE" || code === "INTERNAL" || code === "UNAUTHENTICATED";
}

/** Whether the server takes requests of nobody now, so that another one should be tried. */
export function isServerUnavailable({ code, extensions: { limit } }: TidemarkError): boolean {
  return code === "UNAVAILABLE" || limit === "connectionsMax";
}

/** Whether the server works but can't take the request now: it answers, so waiting for it makes sense. */
export function isBusy(error: TidemarkError): boolean {
  return error.code === "LIMIT_EXCEEDED" && isRetryable(error);
}
