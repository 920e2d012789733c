import type { DatabaseJournal, JournalNews, JournalPoint, JournalRecord } from "../journal/journal.js";
import type { Limits } from "../protocol/limits.js";
import type { Position } from "../protocol/position.js";
import type { LeaseTerms } from "../tasks/health.js";
import { Stamp } from "../tasks/stamp.js";
import type { JobState, Removal, UserTask } from "../tasks/user-task.js";
import { assert } from "../util/assert.js";
import { History } from "./history.js";
import { decodeChange, decodeSlice } from "./journal-codec.js";
import { JobTable, type ReadonlyJobTable } from "./job-table.js";
import type { MemoryAccount, MemoryBudget } from "./memory-budget.js";
import type { PendingChange } from "./write-batch.js";

export interface ReplicaOptions extends LeaseTerms {
  readonly memory: MemoryAccount;
  readonly budget: MemoryBudget;
  readonly limits: Limits;
}

/**
 * The jobs of one database at one revision of its history. It is loaded from the journal, and advances by one change
 * after the other: by those that this server has written, and by those of other servers.
 */
export class Replica {
  readonly #journal: DatabaseJournal;
  readonly #options: ReplicaOptions;
  /** Called with each change, after it can be read. */
  onChange: (before: JobState, after: UserTask | Removal) => void = () => {};
  #table: JobTable;
  #history: History;
  #position: Position;

  /** @throws JournalError; MemoryFullError as soon as the jobs that were read do not fit into the memory. */
  static async load(journal: DatabaseJournal, options: ReplicaOptions): Promise<Replica> {
    return new Replica(journal, options, await loadState(journal, options));
  }

  private constructor(
    journal: DatabaseJournal,
    options: ReplicaOptions,
    { table, history, revision }: LoadedState,
  ) {
    this.#journal = journal;
    this.#options = options;
    this.#table = table;
    this.#history = history;
    this.#position = { epoch: history.label, revision };
  }

  get table(): ReadonlyJobTable {
    return this.#table;
  }

  get history(): History {
    return this.#history;
  }

  get position(): Position {
    return this.#position;
  }

  get revision(): number {
    return this.#position.revision;
  }

  /** The state that the journal calls by this name. */
  get point(): JournalPoint {
    const { epoch, generation } = this.#history;
    return { epoch, generation, revision: this.revision };
  }

  /**
   * Numbers changes that are in the journal, from revision `firstRevision`, so that they can be answered. Applies them unless
   * the state has them, or a part of them, already.
   */
  applyOwn(changes: readonly PendingChange[], firstRevision: number): void {
    const isNext = firstRevision === this.revision + 1;
    assert(firstRevision <= this.revision + 1, "Law 4: revisions have no gap");
    for (const [index, { before, after, heapSize }] of changes.entries()) {
      after.stamp.set(this.#position.epoch, firstRevision + index);
      if (!isNext) continue;
      this.#advance();
      this.#apply(before, after, heapSize);
    }
  }

  /**
   * Follows the journal by one step, but not beyond the revision `upTo`. If the state is no longer a part of the history,
   * loads the newest state instead.
   * @returns undefined, or after a load the jobs whose newest change, which was in this state, is lost: no job if this
   * server had only fallen too far behind. @throws JournalError
   */
  async hear(news: JournalNews, upTo = Infinity): Promise<readonly (UserTask | Removal)[] | undefined> {
    switch (news.kind) {
      case "entries":
        for (const record of news.records)
          if (record.revision > this.revision && record.revision <= upTo) this.#applyForeign(record);
        return undefined;
      case "generation":
        this.#setHistory(new History(this.#history.epoch, news.generations), this.revision);
        return undefined;
      case "gone":
        return this.#reload();
    }
  }

  /** Loads the newest state. It may be called at any time. @throws JournalError */
  async #reload(): Promise<readonly (UserTask | Removal)[]> {
    this.#options.memory.clear();
    const { table, history, revision } = await loadState(this.#journal, this.#options);
    const kept = history.isSameEpoch(this.#history.epoch) ? history.keptUpTo(this.#history.label) : 0;
    const lost = this.revision > kept ? changesAfter(kept, this.#table) : [];
    this.#table = table;
    this.#setHistory(history, revision);
    return lost;
  }

  #setHistory(history: History, revision: number): void {
    this.#history = history;
    this.#position = { epoch: history.label, revision };
  }

  #applyForeign({ revision, entry }: JournalRecord): void {
    assert(revision === this.revision + 1, "Law 4: revisions have no gap");
    const before = this.#table.get(entry);
    const heapSizeBefore = this.#table.heapSizeOf(entry);
    this.#advance();
    const stamp = Stamp.of(this.#position.epoch, revision);
    const { database } = this.#options.memory;
    const { limits } = this.#options;
    const { state, heapSize } = decodeChange(database, before, heapSizeBefore, entry, stamp, limits);
    this.#apply(before, state, heapSize);
  }

  #advance(): void {
    this.#position = { epoch: this.#position.epoch, revision: this.revision + 1 };
  }

  #apply(before: JobState, after: UserTask | Removal, heapSize: number): void {
    this.#table.apply(after, heapSize);
    this.onChange(before, after);
  }
}

interface LoadedState {
  readonly table: JobTable;
  readonly history: History;
  readonly revision: number;
}

async function loadState(journal: DatabaseJournal, options: ReplicaOptions): Promise<LoadedState> {
  const { memory, budget, limits } = options;
  const loading = JobTable.createLoader({ ...options, removalsKeptMax: limits.removalsKeptMax });
  const head = await journal.load((slice) => {
    loading.add(decodeSlice(memory.database, slice));
    budget.checkFits(memory);
  });
  return {
    table: await loading.finish(head.tombstoneHorizon),
    history: new History(head.epoch, head.generations),
    revision: head.revision,
  };
}

/** The newest change of each job above `revision`, in order, up to a bound. */
function changesAfter(revision: number, table: JobTable): (UserTask | Removal)[] {
  const changes: (UserTask | Removal)[] = [];
  for (let at = revision; changes.length < LOST_CHANGES_MAX; at = changes.at(-1)!.stamp.revision) {
    const change = table.nextChange(at);
    if (!change) break;
    changes.push(change);
  }
  return changes;
}

/** Lost changes that are named. */
const LOST_CHANGES_MAX = 1_000;
