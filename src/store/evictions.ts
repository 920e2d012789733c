import { heapSizeOfRemoval } from "../tasks/heap-size.js";
import type { UserTask } from "../tasks/user-task.js";
import type { MemoryShortage } from "./memory-budget.js";

/** What must be evicted before a change fits. */
export interface EvictionNeed {
  /** The number of jobs. */
  readonly jobs: number;
  /** The bounds of memory that would be passed. */
  readonly shortages: readonly MemoryShortage[];
}

export interface Evictions {
  readonly jobs: readonly UserTask[];
  /** The first bound that would be passed even after these evictions. */
  readonly unmet: MemoryShortage | undefined;
}

/**
 * Chooses the ended jobs to evict: those that ended first, except those that reduce no need.
 * @param heapSizeOf the estimated size of a job, in bytes of the heap
 */
export function chooseEvictions(
  need: EvictionNeed,
  oldestFirst: Iterable<UserTask>,
  heapSizeOf: (job: UserTask) => number,
): Evictions {
  const jobs: UserTask[] = [];
  const missing = new Map(need.shortages.map((shortage) => [shortage, shortage.missing]));
  let scansLeft = SCANNED_MAX;
  for (const job of oldestFirst) {
    if ((jobs.length >= need.jobs && missing.size === 0) || scansLeft-- === 0) break;
    const reduced = [...missing].filter(([{ username }]) => (username ?? job.username) === job.username);
    if (jobs.length >= need.jobs && reduced.length === 0) continue;
    jobs.push(job);
    const freed = heapSizeOf(job) - heapSizeOfRemoval(job);
    for (const [shortage, bytes] of reduced) {
      if (bytes > freed) missing.set(shortage, bytes - freed);
      else missing.delete(shortage);
    }
  }
  return { jobs, unmet: missing.keys().next().value };
}

/** Bounds the time of one change and the size of one append. */
const SCANNED_MAX = 1_000;
