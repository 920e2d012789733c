import type { WatchStatus } from "../../client/index.js";
import { firstCauseText } from "../../client/first-cause.js";
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
  const cause = causeOf(status);
  return cause === undefined ? "" : `(${harmless(cause)})`;
}

/** What keeps the connection from being live; undefined where nothing is known. */
export function causeOf(status: WatchStatus): string | undefined {
  return "cause" in status && status.cause instanceof Error ? firstCauseText(status.cause) : undefined;
}
