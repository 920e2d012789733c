import { randomBytes } from "node:crypto";

/** Of this process: 96 bits, so no other process, of this machine or another, ever has the same. */
const PROCESS_ID = randomBytes(12).toString("base64url");

let count = 0;

/**
 * An id that no other commit has, whichever process makes it: `Journal.find` looks for it. Every change takes
 * one, so it is a number after the name of the process, which is shorter and quicker than a UUID.
 */
export function nextCommitId(): string {
  count++;
  return `${PROCESS_ID}.${count.toString(36)}`;
}
