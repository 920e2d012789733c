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
 * Both times count from the latest report that was committed. A job is SILENT for at least one lease before it is LOST,
 * however late the server notices, so that its worker can still report. The task status does not change. The health of
 * a job that has ended no longer declines.
 */
export interface LeaseTerms {
  /** A job is LOST after its worker was silent for this many leases. */
  readonly lostAfterLeases: number;
  readonly clock: LeaseClock;
}

/** The monotonic time, which leases are measured in. */
export interface LeaseClock {
  /** No lease begins before this time: workers could not report before the server was up, or while it was paused. */
  readonly interruptedAt: number;
  /** The monotonic time at which the time of day was `time`. */
  monotonicAt(time: number): number;
}

/** The monotonic time at which the job's health declines next unless the worker reports; Infinity if it never does. */
export function healthDeclinesAt(userTask: UserTask, { lostAfterLeases, clock }: LeaseTerms): number {
  const { health, reportedAt, changedAt, leaseMs, task } = userTask;
  if (health === "LOST" || hasEnded(task.status)) return Infinity;
  const from = (time: number): number => Math.max(clock.monotonicAt(time), clock.interruptedAt);
  if (health === "OK") return from(reportedAt) + leaseMs;
  return Math.max(from(reportedAt) + lostAfterLeases * leaseMs, from(changedAt) + leaseMs);
}
