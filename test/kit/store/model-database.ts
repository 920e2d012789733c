import type { Limits } from "../../../src/protocol/limits.js";
import {
  matches,
  type JobFilter,
  type PageWindow,
  type UserTaskPage,
} from "../../../src/store/task-store.js";
import type { Edit } from "../../../src/tasks/edit.js";
import { limitExceeded } from "../../../src/protocol/tidemark-error.js";
import {
  addTasksToJob,
  updateHealth,
  removeJob,
  applyReport,
  requestCancel,
  storeJob,
  type StoreRequest,
} from "../../../src/tasks/job-changes.js";
import { healthDeclinesAt } from "../../../src/tasks/health.js";
import type { JobKey, Username } from "../../../src/tasks/names.js";
import { Stamp } from "../../../src/tasks/stamp.js";
import { expiresAt } from "../../../src/tasks/retention.js";
import { endOf, type JobState, type Removal, type UserTask } from "../../../src/tasks/user-task.js";
import { keyText } from "./store-history.js";
import {
  commandResultOf,
  refusalOf,
  type CommandResult,
  type CommandGroup,
  type JobCommand,
} from "./job-commands.js";
import { NEVER_SET, elapsedMs } from "./edits.js";

/**
 * One database as a list that is scanned for each question: slow, without an index, and short enough to be
 * obviously correct. Single jobs are changed by the reducers, which have their own tests.
 */
export class ModelDatabase {
  readonly #epoch: string;
  readonly #limits: Limits;
  #states: readonly (UserTask | Removal)[] = [];
  revision = 0;
  /** The revision of the newest dropped tombstone. */
  tombstoneHorizon = 0;

  constructor(epoch: string, limits: Limits) {
    this.#epoch = epoch;
    this.#limits = limits;
  }

  /** Applies all groups, starting at instant `start`. Returns the same as `run`. */
  runAll(groups: readonly CommandGroup[], start: number): ReturnType<ModelDatabase["run"]> {
    let now = start;
    const results = groups.map(({ afterMs, commands }) => this.run(commands, (now += afterMs)));
    return {
      answers: results.flatMap(({ answers }) => answers),
      made: results.flatMap(({ made }) => made),
    };
  }

  /**
   * Degrades the health that is due, then applies the commands of one turn. Returns each answer and the state
   * after each change.
   */
  run(
    commands: readonly JobCommand[],
    now: number,
  ): { answers: CommandResult[]; made: readonly (UserTask | Removal)[] } {
    const drafts = new PendingChanges(this.#states, { epoch: this.#epoch, revision: this.revision, now });
    for (const job of decliningIn(this.query(), now))
      drafts.change(job, this.#limits, (before, edit) => updateHealth(before, LEASE_TERMS, edit));
    const answers = commands.map((command) => this.#answer(command, drafts));
    for (const state of drafts.made) this.#apply(state);
    return { answers, made: drafts.made };
  }

  get(key: JobKey): JobState {
    return this.#states.find((state) => isSame(state, key));
  }

  /** The newest store first. */
  query(filter: JobFilter = {}): UserTask[] {
    return jobsOf(this.#states)
      .filter((job) => matches(filter, job))
      .toSorted((a, b) => storedAt(b) - storedAt(a));
  }

  /** Ended jobs in the order of their ends; at one instant, the oldest store first. */
  ended(): UserTask[] {
    return endedIn(this.query());
  }

  usernames(first: number, after: string): Username[] {
    const names = new Set(jobsOf(this.#states).map(({ username }) => username));
    return [...names]
      .filter((name) => name > after)
      .toSorted()
      .slice(0, first);
  }

  /** Jobs and removals whose latest change is after `revision`, in order. */
  changesAfter(revision: number): (UserTask | Removal)[] {
    return this.#states
      .filter(({ stamp }) => stamp.revision > revision)
      .toSorted((a, b) => a.stamp.revision - b.stamp.revision);
  }

  page(filter: JobFilter, window: PageWindow): UserTaskPage {
    const { count, from, storedBefore = Infinity, storedAfter = -1 } = window;
    const all = this.query(filter);
    const within = all.filter((job) => storedAt(job) < storedBefore && storedAt(job) > storedAfter);
    const userTasks = from === "newest" ? within.slice(0, count) : within.slice(-count);
    const newest = userTasks[0] ? storedAt(userTasks[0]) : storedBefore - 1;
    const oldest = userTasks.length > 0 ? storedAt(userTasks.at(-1)!) : storedAfter + 1;
    return {
      userTasks,
      hasNewer: all.some((job) => storedAt(job) > newest),
      hasOlder: all.some((job) => storedAt(job) < oldest),
    };
  }

  #answer(command: JobCommand, drafts: PendingChanges): CommandResult {
    try {
      return commandResultOf(this.#make(command, drafts));
    } catch (error) {
      return refusalOf(error);
    }
  }

  #make(command: JobCommand, drafts: PendingChanges): UserTask | number | null {
    switch (command.kind) {
      case "store":
        return this.#store(command.request, drafts);
      case "report":
        return drafts.change(command.key, this.#limits, (job, edit) =>
          applyReport(job, command.key, command.report, edit),
        );
      case "grow":
        return drafts.change(command.key, this.#limits, (job, edit) =>
          addTasksToJob(job, command.key, command.growth, edit),
        );
      case "requestCancel":
        return drafts.change(command.key, this.#limits, (job, edit) =>
          requestCancel(job, command.key, command.demand, edit),
        );
      case "remove": {
        const before = drafts.get(command.key);
        drafts.change(command.key, this.#limits, (job, edit) =>
          removeJob(job, command.fence, "REMOVED", edit),
        );
        return before?.kind === "userTask" ? before : null;
      }
      case "purge":
        return this.#removeAll(
          [...drafts.untouched(this.query()).toReversed(), ...jobsOf(drafts.made)],
          "PURGED",
          drafts,
        );
      case "expire": {
        const isOver = (job: UserTask) => (expiresAt(job, command.retention) ?? Infinity) <= drafts.now;
        return this.#removeAll(endedIn(drafts.jobs()).filter(isOver), "EXPIRED", drafts);
      }
    }
  }

  /** Evicts the jobs that ended first until there is room, unless the new job is refused. */
  #store(request: StoreRequest, drafts: PendingChanges): UserTask {
    const store = (job: JobState, edit: Edit): UserTask => storeJob(job, request, edit);
    const before = drafts.get(request);
    if (before?.kind !== "userTask") {
      drafts.preview(request, this.#limits, store);
      const excess = drafts.jobs().length + 1 - this.#limits.jobsPerDatabaseMax;
      const victims = endedIn(drafts.jobs()).slice(0, Math.max(0, excess));
      if (excess > 0 && victims.length === 0) throw limitExceeded("jobsPerDatabaseMax", "Full", excess);
      this.#removeAll(victims, "EXPIRED", drafts);
    }
    return drafts.change(request, this.#limits, store);
  }

  #removeAll(jobs: readonly UserTask[], reason: Removal["reason"], drafts: PendingChanges): number {
    for (const job of jobs) {
      drafts.change(job, this.#limits, (before, edit) => removeJob(before, { attempt: null }, reason, edit));
    }
    return jobs.length;
  }

  /** Keeps the newest tombstones; those cancelled by a later store do not count. */
  #apply(state: UserTask | Removal): void {
    this.revision = state.stamp.revision;
    this.#states = [...this.#states.filter((other) => !isSame(other, state)), state];
    const removals = this.#states.filter(({ kind }) => kind === "removal");
    const [oldest] = removals.toSorted((a, b) => a.stamp.revision - b.stamp.revision);
    if (!oldest || removals.length <= this.#limits.removalsKeptMax) return;
    this.tombstoneHorizon = oldest.stamp.revision;
    this.#states = this.#states.filter((other) => other !== oldest);
  }
}

/** As in a server that started before anything was stored. */
const LEASE_TERMS = { lostAfterLeases: 3, clock: NEVER_SET };

/** The changes of one turn, each based on the ones before it. */
class PendingChanges {
  readonly made: (UserTask | Removal)[] = [];
  readonly now: number;
  readonly #before: readonly (UserTask | Removal)[];
  readonly #epoch: string;
  readonly #revision: number;

  constructor(
    before: readonly (UserTask | Removal)[],
    { epoch, revision, now }: { epoch: string; revision: number; now: number },
  ) {
    this.#before = before;
    this.#epoch = epoch;
    this.#revision = revision;
    this.now = now;
  }

  get(key: JobKey): JobState {
    return [...this.#before, ...this.made].findLast((state) => isSame(state, key));
  }

  /** The current jobs. */
  jobs(): UserTask[] {
    const newest = new Map([...this.#before, ...this.made].map((state) => [keyText(state), state]));
    return jobsOf([...newest.values()]);
  }

  /** Those of `jobs` without a pending change. */
  untouched(jobs: readonly UserTask[]): UserTask[] {
    return jobs.filter((job) => !this.made.some((state) => isSame(state, job)));
  }

  /** The result of `change`, without applying it. */
  preview<T extends JobState>(key: JobKey, limits: Limits, reduce: (before: JobState, edit: Edit) => T): T {
    const stamp = Stamp.of(this.#epoch, this.#revision + this.made.length + 1);
    return reduce(this.get(key), { now: this.now, elapsedMs, stamp, limits });
  }

  change<T extends JobState>(key: JobKey, limits: Limits, reduce: (before: JobState, edit: Edit) => T): T {
    const before = this.get(key);
    const after = this.preview(key, limits, reduce);
    if (after && after !== before) this.made.push(after);
    return after;
  }
}

function jobsOf(states: readonly (UserTask | Removal)[]): UserTask[] {
  return states.filter((state) => state.kind === "userTask");
}

/** Ended jobs in the order of their ends; at one instant, the oldest store first. */
function endedIn(jobs: readonly UserTask[]): UserTask[] {
  return jobs
    .filter((job) => endOf(job) !== null)
    .toSorted((a, b) => endOf(a)! - endOf(b)! || storedAt(a) - storedAt(b));
}

/** Jobs whose health is due to decline, the longest overdue first; at one instant, the oldest store first. */
function decliningIn(jobs: readonly UserTask[], now: number): UserTask[] {
  const dueAt = (job: UserTask): number => healthDeclinesAt(job, LEASE_TERMS);
  return jobs
    .filter((job) => dueAt(job) <= now)
    .toSorted((a, b) => dueAt(a) - dueAt(b) || storedAt(a) - storedAt(b));
}

function storedAt({ storedStamp }: UserTask): number {
  return storedStamp.revision;
}

function isSame(a: JobKey, b: JobKey): boolean {
  return a.username === b.username && a.jobId === b.jobId;
}
