import { DEFAULT_LIMITS, type Limits } from "../../../src/protocol/limits.js";
import type { Edit, ElapsedMs } from "../../../src/tasks/edit.js";
import type { LeaseClock } from "../../../src/tasks/health.js";
import { Stamp } from "../../../src/tasks/stamp.js";
import type { TaskSpec } from "../../../src/tasks/task-spec.js";
import type { IterationMode } from "../../../src/tasks/task.js";

/**
 * Edits as a store makes them, and short functions for task trees:
 *
 *     createTask(branch("root", iterative("rounds", "FIXED", 2, leaf("round", 10)), leaf("rest")), editAt(0, 1))
 */

/** The epoch of every edit made here. */
export const EPOCH = "epochOfTests";

/** An edit with its revision already set, so that its result can be read at once. */
export function editAt(now: number, revision: number, limits: Partial<Limits> = {}): Edit {
  return { now, elapsedMs, stamp: Stamp.of(EPOCH, revision), limits: { ...DEFAULT_LIMITS, ...limits } };
}

/** An edit without a revision yet; the test sets its stamp, as a store does, or leaves it unset. */
export function unnumberedEditAt(now: number, limits: Partial<Limits> = {}): Edit {
  return { now, elapsedMs, stamp: new Stamp(), limits: { ...DEFAULT_LIMITS, ...limits } };
}

/** As of a clock that is never set. */
export const elapsedMs: ElapsedMs = (since, until) => Math.max(0, until - since);

/** The clock of leases in a server that started before anything was stored. */
export const NEVER_SET: LeaseClock = { interruptedAt: 0, monotonicAt: (time) => time };

/** The volume is unknown by default. */
export function leaf(description: string, volume: number | null = null): TaskSpec {
  return { description, volume };
}

export function branch(description: string, ...subTasks: readonly TaskSpec[]): TaskSpec {
  return { description, subTasks };
}

/** `max` is null for OPEN. */
export function iterative(
  description: string,
  mode: IterationMode,
  max: number | null,
  ...tasks: readonly TaskSpec[]
): TaskSpec {
  return { description, iterations: { mode, max, tasks } };
}
