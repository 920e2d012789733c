/**
 * The message of an error's root cause: `connect ECONNREFUSED 127.0.0.1:4000` is more useful than `fetch failed`. For
 * OpenSSL errors it is the reason, because their message mostly names a place in the OpenSSL source.
 */
export function rootCauseText(error: unknown): string {
  const { message, name, reason }: Error & { readonly reason?: unknown } = rootCauseOf(asError(error));
  return typeof reason === "string" ? reason : message || name;
}

/** Whether no process listens at the address. */
export function isConnectionRefused(error: unknown): boolean {
  const { code }: Error & { readonly code?: unknown } = rootCauseOf(asError(error));
  return code === "ECONNREFUSED";
}

/** For a host name with several addresses, the cause for the first address. */
function rootCauseOf(error: Error): Error {
  const cause: unknown = error instanceof AggregateError ? error.errors[0] : error.cause;
  return cause instanceof Error ? rootCauseOf(cause) : error;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
