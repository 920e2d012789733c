import type { DatabaseJournal, JournalEntry } from "../journal/journal.js";
import { unavailable } from "../protocol/tidemark-error.js";
import { removeJob } from "../tasks/job-changes.js";
import type { DatabaseName } from "../tasks/names.js";
import { retentionMsOf, type Retention } from "../tasks/retention.js";
import { Stamp } from "../tasks/stamp.js";
import { endOf, type UserTask } from "../tasks/user-task.js";
import type { SteadyClock } from "../util/steady-clock.js";
import { nextCommitId } from "./commit-id.js";
import { decodeSlice, encodeChange, entryOf } from "./journal-codec.js";

export interface ExpireOptions {
  readonly retention: Retention;
  readonly clock: SteadyClock;
}

export interface Expired {
  /** The number of removed jobs. */
  readonly count: number;
  /** The monotonic time at which the next job expires; Infinity if none has ended. */
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
  const { clock } = options;
  const now = clock.monotonic();
  const entries: JournalEntry[] = [];
  let nextAt = Infinity;
  await journal.load((slice) => {
    for (const state of decodeSlice(database, slice)) {
      if (state.kind !== "userTask") continue;
      const at = dueAt(state, options);
      if (at <= now && entries.length < EXPIRED_MAX) entries.push(expiryOf(state, clock.now()));
      else nextAt = Math.min(nextAt, at);
    }
  });
  for (let first = 0; first < entries.length; first += ENTRIES_PER_APPEND) {
    const result = await journal.append(entries.slice(first, first + ENTRIES_PER_APPEND));
    if (result.kind !== "appended") throw unavailable("A job changed while it expired. Try again.");
  }
  return { count: entries.length, nextAt };
}

/** The monotonic time at which the job expires; Infinity while it may continue. */
function dueAt(job: UserTask, { clock, retention }: ExpireOptions): number {
  const endedAt = endOf(job);
  return endedAt === null ? Infinity : clock.monotonicAt(endedAt) + retentionMsOf(job, retention);
}

function expiryOf(job: UserTask, now: number): JournalEntry {
  const removal = removeJob(job, { attempt: null }, "EXPIRED", { now, stamp: new Stamp() })!;
  return entryOf(job, encodeChange(job, 0, removal).change, job.stamp.revision, nextCommitId());
}

/** Bounds the memory; the next round goes on. */
const EXPIRED_MAX = 10_000;

const ENTRIES_PER_APPEND = 250;
