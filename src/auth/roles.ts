/** What somebody may do; each may do what the one before it may. */
export const ROLES = [
  /** Sees the own user's jobs. */
  "viewer",
  /** Reports the own user's jobs as well. */
  "reporter",
  /** Sees and changes everybody's, and may purge. */
  "admin",
] as const;

export type Role = (typeof ROLES)[number];
