/**
 * The code of every failure that a client can act on, in `extensions.code` of the GraphQL error. The list is
 * part of the public API: a code is never renamed, and its meaning never becomes wider.
 */
export const ERROR_CODES = [
  /** The request is invalid: for example, a name is too long or a position is malformed. */
  "BAD_USER_INPUT",
  /** The request has the hash of a document instead of the document. Send the document. */
  "PERSISTED_QUERY_NOT_SUPPORTED",
  /** There is no such job, or no such task in its tree. */
  "NOT_FOUND",
  /** `onConflict` is REJECT and a job with this id is still running. */
  "ALREADY_EXISTS",
  /** The task has ended, or its status does not allow the requested change. */
  "ILLEGAL_TRANSITION",
  /** `done`, `add` or `volume` for a task that is not a leaf. */
  "NOT_A_LEAF",
  /** The report is for an attempt that is not, or no longer, the current one. */
  "STALE_ATTEMPT",
  /** A limit was exceeded; `extensions.limit` names the setting. */
  "LIMIT_EXCEEDED",
  /** The request has no valid credentials. */
  "UNAUTHENTICATED",
  /** The caller lacks the role that the operation requires. */
  "FORBIDDEN",
  /** The server is starting or stopping, or the journal cannot write or does not answer. A retry may succeed. */
  "UNAVAILABLE",
  /** A defect of the server. */
  "INTERNAL",
] as const;

/** One of `ERROR_CODES`. */
export type ErrorCode = (typeof ERROR_CODES)[number];
