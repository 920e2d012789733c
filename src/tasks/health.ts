import { hasEnded } from "./task-status.js";
import type { UserTask } from "./user-task.js";

/**
 * How a job's health declines while its worker does not report:
 *
 *                 a lease            `lostAfterLeases` leases
 *           OK ─────────────► SILENT ─────────────────────────► LOST
 *            ▲                   │                                │
 *            └───────────────────┴─────────── a report ───────────┘
 *
 * Both times count from the latest report that was committed. The task status does not change. The health of a
 * job that has ended no longer declines.
 */
export interface LeaseTerms {
  /** A job is LOST after its worker was silent for this many leases. */
  readonly lostAfterLeases: number;
  /** No lease begins before this time, in milliseconds since 1970: workers could not report before the server was up. */
  readonly leasesFrom: number;
}

/** When the job's health declines next unless the worker reports, in milliseconds since 1970; Infinity if it never does. */
export function healthDeclinesAt(userTask: UserTask, { lostAfterLeases, leasesFrom }: LeaseTerms): number {
  const { health, reportedAt, leaseMs, task } = userTask;
  if (health === "LOST" || hasEnded(task.status)) return Infinity;
  const leases = health === "OK" ? 1 : lostAfterLeases;
  return Math.max(reportedAt, leasesFrom) + leases * leaseMs;
}
