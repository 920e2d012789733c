/** Errors in the server's responses, and whether a retry may succeed. */
import { ERROR_CODES, type ErrorCode } from "../../protocol/error-codes.js";
import { TidemarkError, TRANSIENT_LIMITS, type LimitName } from "../../protocol/tidemark-error.js";

/** A GraphQL error in JSON. The server is trusted to send this shape. */
export interface ResponseError {
  readonly message: string;
  readonly extensions?: { readonly code?: string; readonly limit?: LimitName };
}

/** @param fallbackCode is used when the server sends no code, or one that this version does not know. */
export function toTidemarkError(
  { message, extensions = {} }: ResponseError,
  fallbackCode: ErrorCode,
): TidemarkError {
  const { code, limit } = extensions;
  const known = ERROR_CODES.find((one) => one === code) ?? fallbackCode;
  return new TidemarkError(known, message, limit ? { limit } : {});
}

/** The message for an address at which something else answers. */
export function notTidemark(url: string, status: number): string {
  return `Not a Tidemark server at ${url} (HTTP status ${status}). Check the address and any proxy in between.`;
}

/** Whether the same request may succeed later: an outage, a transient limit, or a token that can be renewed. */
export function isRetryable({ code, extensions: { limit } }: TidemarkError): boolean {
  if (code === "LIMIT_EXCEEDED") return TRANSIENT_LIMITS.some((transient) => transient === limit);
  return code === "UNAVAILABLE" || code === "INTERNAL" || code === "UNAUTHENTICATED";
}
