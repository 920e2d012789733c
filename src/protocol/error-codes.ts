/**
 * Every failure that a client can act on has one of these codes, in `extensions.code` of the GraphQL error.
 * The list is part of the public contract: a code is never renamed, and its meaning never widens.
 */
export const ERROR_CODES = [
  /** The request does not mean anything: a name too long, a position that never was one. */
  "BAD_USER_INPUT",
  /** There is no such job, or no such task in its tree. */
  "NOT_FOUND",
  /** `onConflict: REJECT`, and a job with this id is still running. */
  "ALREADY_EXISTS",
  /** The task has ended, or can't come from its status to the one asked for. */
  "ILLEGAL_TRANSITION",
  /** `done`, `add` or `volume` for a task that has tasks below it. */
  "NOT_A_LEAF",
  /** The report is for an attempt that is not, or no longer, the job's. */
  "STALE_ATTEMPT",
  /** A bound was passed; `extensions.limit` names the setting. */
  "LIMIT_EXCEEDED",
  /** Who is asking? */
  "UNAUTHENTICATED",
  /** We know who asks, and they may not. */
  "FORBIDDEN",
  /** Not now: starting, stopping, or the journal can't write. Trying again later may help. */
  "UNAVAILABLE",
  /** A defect of the server. */
  "INTERNAL",
] as const;

/** One of `ERROR_CODES`. */
export type ErrorCode = (typeof ERROR_CODES)[number];
