/** The code of a system's error: ENOENT, EADDRINUSE; undefined for what has none. */
export function errorCodeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
