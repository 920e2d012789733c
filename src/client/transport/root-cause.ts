/**
 * What an error began with, for people: `connect ECONNREFUSED 127.0.0.1:4000` says more than `fetch failed`; and of one of
 * OpenSSL's its reason, as the rest of it is about where in OpenSSL it was found.
 */
export function rootCauseText(error: unknown): string {
  const { message, name, reason }: Error & { readonly reason?: unknown } = rootCauseOf(asError(error));
  return typeof reason === "string" ? reason : message || name;
}

/** Whether there is nothing at the address that was asked. */
export function isConnectionRefused(error: unknown): boolean {
  const { code }: Error & { readonly code?: unknown } = rootCauseOf(asError(error));
  return code === "ECONNREFUSED";
}

/** Of a name with several addresses, that of the first one. */
function rootCauseOf(error: Error): Error {
  const cause: unknown = error instanceof AggregateError ? error.errors[0] : error.cause;
  return cause instanceof Error ? rootCauseOf(cause) : error;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
