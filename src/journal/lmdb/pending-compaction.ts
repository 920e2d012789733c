import type { VersionedRow } from "../../tasks/task-rows.js";
import type { LogEntry } from "../../tasks/user-task.js";
import { unreachable } from "../../util/assert.js";
import type { JobHeader, JournalEntry, StoredRemoval } from "../journal.js";
import { jobKeyText, pickJobKey } from "../stored-job.js";

/** The changes of a job since its own record was written. */
export interface UncompactedChange {
  readonly id: string;
  /** The oldest and the newest of these entries. */
  readonly firstRevision: number;
  revision: number;
  /** The entry that stored the whole job, if any; it replaces the job's record. */
  storedRevision: number | undefined;
  /** The updates since then; no header if there was none. */
  header: JobHeader | undefined;
  rows: Map<string, VersionedRow>;
  log: readonly LogEntry[];
  removal: StoredRemoval | undefined;
  bytes: number;
}

/**
 * The changes that are not compacted yet, the longest waiting first. For a stored tree it keeps only the revision of
 * the entry, so all rows here are from updates.
 */
export class PendingCompaction {
  readonly #changes = new Map<string, UncompactedChange>();
  readonly #removed = new Set<UncompactedChange>();
  #bytes = 0;

  /** The size of the entries. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The changes that removed their job. Compacting them frees space. */
  get removed(): ReadonlySet<UncompactedChange> {
    return this.#removed;
  }

  get oldest(): UncompactedChange | undefined {
    return this.#changes.values().next().value;
  }

  values(): IterableIterator<UncompactedChange> {
    return this.#changes.values();
  }

  get(id: string): UncompactedChange | undefined {
    return this.#changes.get(id);
  }

  /** Restores the order after entries were added out of order. */
  sort(): void {
    const changes = [...this.#changes.values()].toSorted((a, b) => a.firstRevision - b.firstRevision);
    this.#changes.clear();
    for (const change of changes) this.#changes.set(change.id, change);
  }

  delete(change: UncompactedChange): void {
    this.#changes.delete(change.id);
    this.#removed.delete(change);
    this.#bytes -= change.bytes;
  }

  /** @param bytes the size of the entry */
  add(entry: JournalEntry, revision: number, bytes: number, logLinesMax: number): void {
    const id = jobKeyText(entry);
    const change = this.#changes.get(id) ?? newChange(id, revision);
    this.#changes.set(id, change);
    change.revision = revision;
    change.bytes += bytes;
    this.#bytes += bytes;
    switch (entry.change.kind) {
      case "stored":
        resetChange(change);
        this.#removed.delete(change);
        change.storedRevision = revision;
        break;
      case "updated":
        change.header = entry.change.header;
        for (const row of entry.change.tasks) change.rows.set(row.path, { row, revision });
        if (entry.change.log.length > 0)
          change.log = [...change.log, ...entry.change.log].slice(-logLinesMax);
        break;
      case "removed":
        resetChange(change);
        change.removal = { ...pickJobKey(entry), ...entry.change, revision };
        this.#removed.add(change);
        break;
      default:
        unreachable(entry.change);
    }
  }
}

function newChange(id: string, revision: number): UncompactedChange {
  const none = { storedRevision: undefined, header: undefined, removal: undefined };
  return { id, firstRevision: revision, revision, ...none, rows: new Map(), log: [], bytes: 0 };
}

function resetChange(change: UncompactedChange): void {
  change.storedRevision = undefined;
  change.header = undefined;
  change.removal = undefined;
  change.rows = new Map();
  change.log = [];
}
