import type { JobKey } from "../../tasks/names.js";
import type { VersionedRow } from "../../tasks/task-rows.js";
import type { LogEntry } from "../../tasks/user-task.js";
import { unreachable } from "../../util/assert.js";
import { DamagedJournalError, type JobHeader, type JournalRecord, type StoredJob } from "../journal.js";
import {
  appendLogLines,
  createStoredJob,
  jobKeyText,
  pickJobKey,
  updatedJob,
  withBoundedLog,
  type JobUpdates,
} from "../stored-job.js";

/**
 * The jobs that entries lead to. Of a job that was only updated, the record before the entries is needed too: it is passed to
 * `next`.
 */
export class JobFold {
  readonly #changes = new Map<string, Change>();
  readonly #logLinesMax: number;

  constructor(logLinesMax: number) {
    this.#logLinesMax = logLinesMax;
  }

  /** Entries are added in order. */
  add({ revision, entry }: JournalRecord): void {
    const id = jobKeyText(entry);
    const { change } = entry;
    switch (change.kind) {
      case "stored":
        this.#changes.set(id, newChange(entry, createStoredJob(entry, change, revision)));
        break;
      case "updated": {
        const whole = this.#changes.get(id) ?? newChange(entry, undefined);
        this.#changes.set(id, whole);
        whole.header = change.header;
        whole.revision = revision;
        for (const row of change.tasks) whole.rows.set(row.path, { row, revision });
        whole.log = appendLogLines(whole.log, change.log, this.#logLinesMax);
        break;
      }
      case "removed":
        this.#changes.set(id, newChange(entry, "removed"));
        break;
      default:
        unreachable(change);
    }
  }

  get removed(): JobKey[] {
    return this.#keysWhere(({ base }) => base === "removed");
  }

  /** The jobs whose records are needed. */
  get unfinished(): JobKey[] {
    return this.#keysWhere(({ base }) => base === undefined);
  }

  /** The record with its newer entries: undefined if the job was removed, or stored again and is among the `stored`. */
  next(record: StoredJob): StoredJob | undefined {
    const id = jobKeyText(record);
    const change = this.#changes.get(id);
    if (!change) return withBoundedLog(record, this.#logLinesMax);
    if (change.base !== undefined) return undefined;
    this.#changes.delete(id);
    return updatedJob(record, change, this.#logLinesMax);
  }

  /** The jobs that were stored, and perhaps updated since. */
  *stored(): Generator<StoredJob, void> {
    for (const change of this.#changes.values())
      if (change.base !== undefined && change.base !== "removed")
        yield updatedJob(change.base, change, this.#logLinesMax);
  }

  /** Asserts that the records of all updated jobs were passed to `next`. @throws DamagedJournalError */
  checkFinished(): void {
    const [missing] = this.unfinished;
    if (missing) throw new DamagedJournalError(`The record of job ${JSON.stringify(missing)} is missing.`);
  }

  #keysWhere(isWanted: (change: Change) => boolean): JobKey[] {
    return [...this.#changes.values()].filter(isWanted).map(({ key }) => key);
  }
}

interface Change extends JobUpdates {
  readonly key: JobKey;
  /** The tree that an entry stored; undefined if it is in the job's record. */
  readonly base: StoredJob | "removed" | undefined;
  header: JobHeader | undefined;
  revision: number;
  readonly rows: Map<string, VersionedRow>;
  log: readonly LogEntry[];
}

function newChange(key: JobKey, base: Change["base"]): Change {
  return { key: pickJobKey(key), base, header: undefined, revision: 0, rows: new Map(), log: [] };
}
