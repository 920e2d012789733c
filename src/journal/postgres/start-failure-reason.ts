/** Why a journal could not be opened, for the operator, with what to do. */
export function startFailureReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const known = KNOWN.find(([pattern]) => pattern.test(text));
  return known ? known[1] : text;
}

/** By the messages of `pg` and PostgreSQL, which have no codes for most of these. */
const KNOWN: readonly (readonly [RegExp, string])[] = [
  [/client password must be/, "PostgreSQL asks for a password: set PGPASSWORD or ~/.pgpass."],
  [
    /Invalid URL/,
    "Invalid URL: expected postgres://USER@HOST/DATABASE with one host. With several servers, use an address that leads to the primary.",
  ],
  [
    /is a standby|read-only transaction/,
    "this server is a standby or read-only. Use an address that leads to the primary.",
  ],
  [
    /Connection terminated unexpectedly/,
    "the server closed the connection. Check that the host and port are those of PostgreSQL.",
  ],
];
