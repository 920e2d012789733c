import type { JobKey } from "../../tasks/names.js";
import {
  DamagedJournalError,
  UnknownFormatError,
  type JournalEntry,
  type JournalRecord,
  type StoredJob,
  type StoredRemoval,
} from "../journal.js";
import { entryOfPlain, jobOfPlain, plainEntry, plainJob, type EntryContent } from "../plain-records.js";
import type { Row } from "./connections.js";

/** The texts in the rows of the tables. A field that has a column of its own is not repeated in the text. */

export function jobKeyColumn({ username, jobId }: JobKey): string {
  return `${username}\t${jobId}`; // names contain no control characters
}

function jobKeyOfColumn(column: string): JobKey {
  const [username, jobId] = column.split("\t");
  return { username, jobId } as JobKey;
}

export function entryBody({ format, madeFrom, change }: JournalEntry): string {
  return JSON.stringify(plainEntry({ format, madeFrom, change }));
}

/** @throws DamagedJournalError, UnknownFormatError */
export function recordOfRow({ revision, job_key, commit_id, body }: Row): JournalRecord {
  const content = parsed("entry", revision, () => entryOfPlain<EntryContent>(JSON.parse(body)));
  return { revision, entry: { ...content, commitId: commit_id, ...jobKeyOfColumn(job_key) } };
}

export function jobRecord({ header, tasks, log }: StoredJob): string {
  return JSON.stringify(plainJob({ header, tasks, log } as StoredJob));
}

/** @throws DamagedJournalError, UnknownFormatError */
export function jobOfRow({ revision, stored_revision, job_key, record }: Row): StoredJob {
  const job = parsed("job", job_key, () => jobOfPlain(JSON.parse(record)));
  return { ...job, ...jobKeyOfColumn(job_key), revision, storedRevision: stored_revision };
}

/** @throws DamagedJournalError, UnknownFormatError */
export function removalOfRow(row: Row): StoredRemoval {
  const { revision, entry } = recordOfRow(row);
  if (entry.change.kind !== "removed") throw unreadable("removal", revision);
  const { username, jobId, change } = entry;
  return { username, jobId, ...change, revision };
}

/** The text is read without a checksum: PostgreSQL has its own. */
function parsed<T>(what: string, which: unknown, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof UnknownFormatError) throw error;
    throw unreadable(what, which, error);
  }
}

function unreadable(what: string, which: unknown, cause?: unknown): DamagedJournalError {
  return new DamagedJournalError(`The ${what} ${JSON.stringify(which)} cannot be read.`, { cause });
}
