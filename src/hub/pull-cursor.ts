/** A cursor over the values that a subscriber has not received yet. */
export interface PullCursor<T> {
  /** An estimate of the number of values that follow, without those that the filter hides where that is known. */
  readonly behind: number;

  /** Takes the next value. Call it in the turn of the event loop that delivers the value. */
  pull(): PullResult<T>;

  /** A copy at the same position. */
  fork(): PullCursor<T>;

  /** Skips the changes before revision `before`. Call it only if the filter hides all of them. */
  skipHidden(before: number): void;

  /** Makes this cursor serve the subscribers of `other` too. Both must have caught up. */
  merge(other: PullCursor<T>): void;
}

/**
 * - A value, whether it ends a batch, and whether more is available already.
 * - `pullAgainInMs`: no value now; pull again after this time even if nothing changes (0: in the next turn).
 * - "nothing": no value until the next change.
 * - "ended": no value ever again.
 */
export type PullResult<T> =
  | { readonly value: T; readonly endsBatch?: boolean; readonly hasMore?: boolean }
  | { readonly pullAgainInMs: number }
  | "nothing"
  | "ended";
