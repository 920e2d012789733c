/** The status of a watch for components: flat, and each reason as an error with a code and a message. */
import { TidemarkError } from "../../protocol/tidemark-error.js";
import { rootCauseText } from "../transport/root-cause.js";
import type { WatchStatus } from "../watch/watch.js";

/** Whether what the components show is current. */
export interface ConnectionState {
  /**
   * - `connecting`: no jobs have arrived yet. Also while the server renders, and before the first component watches.
   * - `live`: changes arrive as they happen.
   * - `stale`: the connection was lost, and the client reconnects. Components show the jobs as they were at `since`.
   * - `closed`: the server rejected the subscription, with an `error`; or no component watches any more, without one.
   */
  readonly status: WatchStatus["kind"];
  /** While `stale`: when data last arrived. Otherwise undefined. */
  readonly since: Date | undefined;
  /** Why the latest attempt to connect failed, or why the server rejected the subscription. Undefined without a reason. */
  readonly error: TidemarkError | undefined;
}

export const CONNECTING: ConnectionState = { status: "connecting", since: undefined, error: undefined };
export const NOT_CONNECTED: ConnectionState = { status: "closed", since: undefined, error: undefined };

/** @param url the address of the server, for messages */
export function connectionStateOf(status: WatchStatus, url: string): ConnectionState {
  switch (status.kind) {
    case "live":
      return { status: "live", since: undefined, error: undefined };
    case "closed":
      return { ...NOT_CONNECTED, error: status.error };
    case "connecting":
      return { ...CONNECTING, error: unavailableError(status.cause, url) };
    case "stale":
      return { status: "stale", since: status.since, error: unavailableError(status.cause, url) };
  }
}

/**
 * The state of several watches as one. One that is live shows that the server answers, so a component that has just started
 * to watch changes nothing. Among those that are stale, the earliest counts.
 *
 * @param states at least one
 */
export function mergedState(states: readonly ConnectionState[]): ConnectionState {
  const [worst] = states.toSorted(
    (one, other) => rankOf(one) - rankOf(other) || sinceOf(one) - sinceOf(other),
  );
  return worst!; // safe: there is at least one
}

const RANKS: Readonly<Record<ConnectionState["status"], number>> = {
  stale: 0,
  live: 1,
  connecting: 2,
  closed: 3,
};

function rankOf({ status }: ConnectionState): number {
  return RANKS[status];
}

function sinceOf({ since }: ConnectionState): number {
  return since?.getTime() ?? 0;
}

function unavailableError(cause: unknown, url: string): TidemarkError | undefined {
  if (cause === undefined || cause instanceof TidemarkError) return cause;
  return new TidemarkError(
    "UNAVAILABLE",
    `No Tidemark server answers at ${url} (${rootCauseText(cause)}). Start one there, or pass its address as url to TidemarkProvider.`,
    { cause },
  );
}

/** The error for options that the SDK rejects, such as an invalid address. */
export function invalidOptions(cause: unknown): TidemarkError {
  return new TidemarkError("BAD_USER_INPUT", rootCauseText(cause), { cause });
}
