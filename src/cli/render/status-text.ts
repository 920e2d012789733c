import type { WatchStatus } from "../../client/index.js";
import { firstCauseText } from "../../client/first-cause.js";
import { instantText } from "../../format/instants.js";
import { harmless } from "./harmless.js";

/** The state of the connection, and the reason: "live", "connecting (…)", "stale since 17:03:12 (…)". */
export function statusText(status: WatchStatus, now: number): string {
  return [statusWord(status, now), causeText(status)].filter((text) => text !== "").join(" ");
}

/** "connecting", "live", "stale since 17:03:12", "closed". */
export function statusWord(status: WatchStatus, now: number): string {
  return status.kind === "stale" ? `stale since ${instantText(status.since.getTime(), now)}` : status.kind;
}

/** "(why)", or nothing. */
export function causeText(status: WatchStatus): string {
  const cause = causeOf(status);
  return cause === undefined ? "" : `(${harmless(cause)})`;
}

/** The error that keeps the connection from being live, if there is one. */
export function causeOf(status: WatchStatus): string | undefined {
  return "cause" in status && status.cause instanceof Error ? firstCauseText(status.cause) : undefined;
}
