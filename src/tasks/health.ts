import { hasEnded } from "./task-status.js";
import type { UserTask } from "./user-task.js";

/**
 * How a job's health declines while its worker is not heard of:
 *
 *             a lease            `lostAfterLeases` leases
 *       OK ─────────────► SILENT ─────────────────────────► LOST
 *        ▲                   │                                │
 *        └───────────────────┴─────────── a report ───────────┘
 *
 * Both count from the latest report that was committed. The status is never touched, and what has ended has no
 * health to lose.
 */
export interface LeaseTerms {
  /** A job is LOST when its worker was silent for so many leases. */
  readonly lostAfterLeases: number;
  /** No lease begins before this, milliseconds since 1970: while nobody could report, nobody was silent. */
  readonly leasesFrom: number;
}

/** When the job's health declines next unless it reports, milliseconds since 1970; Infinity when it never does. */
export function healthDeclinesAt(userTask: UserTask, { lostAfterLeases, leasesFrom }: LeaseTerms): number {
  const { health, reportedAt, leaseMs, task } = userTask;
  if (health === "LOST" || hasEnded(task.status)) return Infinity;
  const leases = health === "OK" ? 1 : lostAfterLeases;
  return Math.max(reportedAt, leasesFrom) + leases * leaseMs;
}
