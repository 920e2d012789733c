/** Where it is pulled from what a subscriber is told: a place in what happens, and what comes after it. */
export interface PullCursor<T> {
  /** What comes next, pulled in the turn of the event loop in which somebody takes it. */
  pull(): PullResult<T>;

  /** Another one at the same place. */
  fork(): PullCursor<T>;

  /**
   * To be called where nothing before revision `before` that is not told yet concerns who pulls from here: it
   * need not be looked at.
   */
  skipHidden(before: number): void;

  /** Goes on for another one too, which has told all that there is, as this one has. */
  merge(other: PullCursor<T>): void;
}

/**
 * A value, whether it ends a batch, and whether there is more already; nothing to tell now, and when to ask again though nothing changes (0:
 * in the next turn of the event loop); or nothing will ever be told again.
 */
export type PullResult<T> =
  | { readonly value: T; readonly endsBatch?: boolean; readonly hasMore?: boolean }
  | { readonly pullAgainInMs: number }
  | "nothing"
  | "ended";
