import { randomBytes } from "node:crypto";

const PROCESS_ID = randomBytes(12).toString("base64url");
let commitCount = 0;

/**
 * An id that is unique across processes, so that `Journal.find` can look for it. A process id with a counter is shorter
 * and faster than a UUID.
 */
export function nextCommitId(): string {
  return `${PROCESS_ID}.${(++commitCount).toString(36)}`;
}
