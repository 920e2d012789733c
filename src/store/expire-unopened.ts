import type { DatabaseJournal, JournalEntry } from "../journal/journal.js";
import type { Limits } from "../protocol/limits.js";
import { unavailable } from "../protocol/tidemark-error.js";
import { removeJob } from "../tasks/job-changes.js";
import type { DatabaseName } from "../tasks/names.js";
import { expiresAt, type Retention } from "../tasks/retention.js";
import { Stamp } from "../tasks/stamp.js";
import type { UserTask } from "../tasks/user-task.js";
import { nextCommitId } from "./commit-id.js";
import { decodeSlice, encodeChange, entryOf } from "./journal-codec.js";

export interface ExpireOptions {
  readonly retention: Retention;
  readonly limits: Limits;
  readonly now: number;
}

export interface Expired {
  /** The number of removed jobs. */
  readonly count: number;
  /** When the next job expires; Infinity if none has ended. */
  readonly nextAt: number;
}

/**
 * Removes the expired jobs of a database that is too large to be opened: it reads the jobs one slice at a time, and keeps
 * only the keys of those that are due. @throws JournalError; TidemarkError UNAVAILABLE
 */
export async function expireUnopened(
  database: DatabaseName,
  journal: DatabaseJournal,
  options: ExpireOptions,
): Promise<Expired> {
  const entries: JournalEntry[] = [];
  let nextAt = Infinity;
  await journal.load((slice) => {
    for (const state of decodeSlice(database, slice)) {
      const at = state.kind === "userTask" ? (expiresAt(state, options.retention) ?? Infinity) : Infinity;
      const isDue = state.kind === "userTask" && at <= options.now && entries.length < EXPIRED_MAX;
      if (isDue) entries.push(expiryOf(state, options));
      else nextAt = Math.min(nextAt, at);
    }
  });
  for (let first = 0; first < entries.length; first += ENTRIES_PER_APPEND) {
    const result = await journal.append(entries.slice(first, first + ENTRIES_PER_APPEND));
    if (result.kind === "conflict") throw unavailable("A job changed while it expired. Try again.");
  }
  return { count: entries.length, nextAt };
}

function expiryOf(job: UserTask, { limits, now }: ExpireOptions): JournalEntry {
  const removal = removeJob(job, { attempt: null }, "EXPIRED", { now, stamp: new Stamp(), limits })!;
  return entryOf(job, encodeChange(job, 0, removal).change, job.stamp.revision, nextCommitId());
}

/** Bounds the memory; the next round goes on. */
const EXPIRED_MAX = 10_000;

const ENTRIES_PER_APPEND = 1_000;
