import type { WatchStatus } from "../../client/index.js";
import { harmless } from "./harmless.js";
import { clockTime } from "./time.js";

/** How the connection is, and why: "live", "connecting (…)", "stale since 17:03:12 (…)". */
export function statusText(status: WatchStatus): string {
  return [statusWord(status), causeText(status)].filter((text) => text !== "").join(" ");
}

/** "connecting", "live", "stale since 17:03:12", "closed". */
export function statusWord(status: WatchStatus): string {
  return status.kind === "stale" ? `stale since ${clockTime(status.since)}` : status.kind;
}

/** "(why)", or nothing. */
export function causeText(status: WatchStatus): string {
  const why = "cause" in status ? messageOf(status.cause) : "";
  return why && `(${harmless(why)})`;
}

/** Of the first cause: "fetch failed" says less than "connect ECONNREFUSED 127.0.0.1:4000". */
function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "";
  return messageOf(cause.cause) || cause.message;
}
