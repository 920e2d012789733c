import { errorCodeOf } from "../util/assert.js";

/** The code of the system's error behind `error`, such as ENOSPC; undefined if there is none. */
export function systemCodeOf(error: unknown): string | undefined {
  const code = errorCodeOf(error);
  if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code;
  return error instanceof Error ? systemCodeOf(error.cause) : undefined;
}
