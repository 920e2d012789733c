import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";

/**
 * Gives a request an id, which its answer, its errors and its log lines share. A proxy or a client may have chosen one in
 * `X-Request-Id`; it counts if it is safe to log. The id replaces that header.
 */
export function assignRequestId({ headers }: IncomingMessage): void {
  const given = headers[HEADER];
  if (typeof given !== "string" || !SAFE.test(given)) headers[HEADER] = nextId();
}

/** The id of a request that `assignRequestId` has seen. */
export function requestIdOf({ headers }: IncomingMessage): string {
  return headers[HEADER] as string; // Node.js joins several
}

export const REQUEST_ID_HEADER = "X-Request-Id";

const HEADER = "x-request-id";

/** UUIDs, trace ids and the ids of proxies. */
const SAFE = /^[\w.:=+/@-]{1,128}$/;

/** Unique across restarts, and cheaper than a UUID. */
function nextId(): string {
  return `${PROCESS_ID}-${(++count).toString(36)}`;
}

const PROCESS_ID = randomBytes(6).toString("hex");
let count = 0;
