/** What a server has refused, and whether it would refuse the same again. */
import { ERROR_CODES, type ErrorCode } from "../../protocol/error-codes.js";
import type { Limits } from "../../protocol/limits.js";
import { TidemarkError, TRANSIENT_LIMITS } from "../../protocol/tidemark-error.js";

/** A GraphQL error, as JSON has it; trusted as far as the types go. */
export interface ResponseError {
  readonly message: string;
  readonly extensions?: { readonly code?: string; readonly limit?: keyof Limits };
}

/** As an error to throw, or to tell. @param otherwise its code where the server gives none that is known here. */
export function toTidemarkError(
  { message, extensions = {} }: ResponseError,
  otherwise: ErrorCode,
): TidemarkError {
  const { code, limit } = extensions;
  const known = ERROR_CODES.find((one) => one === code) ?? otherwise;
  return new TidemarkError(known, message, limit ? { limit } : {});
}

/** Whether the same may be taken later: the server is away, or can't now, or who asks must be named anew. */
export function isRetryable({ code, extensions: { limit } }: TidemarkError): boolean {
  if (code === "LIMIT_EXCEEDED") return TRANSIENT_LIMITS.some((passing) => passing === limit);
  return code === "UNAVAILABLE" || code === "INTERNAL" || code === "UNAUTHENTICATED";
}
