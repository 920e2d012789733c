import type { WatchStatus } from "../../client/index.js";
import { rootCauseText } from "../../client/transport/root-cause.js";
import { instantText } from "../../format/instants.js";
import { sanitizeForTerminal } from "./sanitize.js";

/** The state of the connection, with its cause: "live", "connecting (…)", "stale since 17:03:12 (…)". */
export function connectionText(status: WatchStatus, now: number): string {
  return [connectionWord(status, now), connectionCauseText(status)].filter((text) => text !== "").join(" ");
}

/** "connecting", "live", "stale since 17:03:12", "closed". */
export function connectionWord(status: WatchStatus, now: number): string {
  return status.kind === "stale" ? `stale since ${instantText(status.since.getTime(), now)}` : status.kind;
}

/** "(cause)", or empty. */
export function connectionCauseText(status: WatchStatus): string {
  const cause = connectionCauseOf(status);
  return cause === undefined ? "" : `(${sanitizeForTerminal(cause)})`;
}

/** Why the connection is not live; undefined without a known error. */
export function connectionCauseOf(status: WatchStatus): string | undefined {
  return "cause" in status && status.cause instanceof Error ? rootCauseText(status.cause) : undefined;
}
