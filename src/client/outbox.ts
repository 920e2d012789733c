/**
 * What one job has still to tell the server, and what the server has answered.
 *
 *     OPEN ─ stored ─► STORED ─ refused for good ─► STOPPED
 *      ▲                 │ NOT_FOUND                   ▲
 *      └─ not of this ◄─ MISSED ─ removed on purpose ──┘
 *         history
 *
 * A job that is not there any more was removed, by somebody or by its age, and stays away: a server remembers the
 * removal as a part of its history. Where the history is another one than the job was stored in, nobody removed it: the
 * server has forgotten, as one with its store in memory does when it is started anew. Then the job is stored again,
 * with all that is known of it; unless somebody else was first: a job that was stored at another instant is theirs.
 *
 * Whatever is on its way stays here, unchanged, until it is answered: where an answer is lost the very same is asked
 * again. Storing, growing and log lines carry a request id for that; updates are absolute and need none. What happens
 * meanwhile is merged in the tree, so what waits is at most the tree twice, and the newest log lines.
 */
import { DEFAULT_LIMITS } from "../protocol/limits.js";
import { parsePosition } from "../protocol/position.js";
import { TidemarkError } from "../protocol/tidemark-error.js";
import type {
  AddTasksInput,
  LogInput,
  StoreJobMutation,
  StoreTaskInput,
  TaskInput,
  UpdateTaskInput,
  WorkersJobFragment,
} from "./generated/graphql.js";
import { uniqueId } from "./surroundings.js";
import type { TaskSpec } from "./task-spec.js";
import { TaskState, type TaskOwner } from "./task-state.js";
import { takeUpdates } from "./updates.js";

/** What is said of a job when it is stored, besides its tree. */
export type JobHeader = Omit<StoreTaskInput, "task" | "requestId" | "jobId"> & { readonly jobId: string };

/** A job as the server has stored it. */
export type StoredJob = NonNullable<StoreJobMutation["storeTask"]>["userTask"];

/** Whoever is told what becomes of a job. */
export interface OutboxObserver {
  /** There is something to send; `isUrgent`: at once. */
  touched(isUrgent: boolean): void;
  answered(job: WorkersJobFragment): void;
  /** The server has refused something. */
  refused(error: TidemarkError): void;
}

export class Outbox implements TaskOwner {
  readonly header: JobHeader;
  readonly root: TaskState;
  /** When the server last answered something about it. */
  answeredAt = 0;
  isUrgent = false;
  readonly #observer: OutboxObserver;
  readonly #id = uniqueId();
  #requestCount = 0;
  #stored: StoredJob | undefined;
  #missed: TidemarkError | undefined;
  #stoppedBy: TidemarkError | undefined;
  #isUntracked = false;
  #store: StoreTaskInput | undefined;
  #growth: AddTasksInput | undefined;
  readonly #grown = new Set<TaskState>();
  #inputs: UpdateTaskInput[] = [];
  #log: LogInput[] = [];
  /** Those that wait for what has not been taken yet, and for what is on its way. */
  #waiting: Waiter[] = [];
  #waitingForAnswer: Waiter[] = [];
  readonly #codesTold = new Set<string>();

  constructor(header: JobHeader, spec: TaskSpec, observer: OutboxObserver) {
    this.header = header;
    this.#observer = observer;
    this.root = new TaskState(spec, this);
  }

  /** Why nothing is reported any more; undefined while it is. */
  get stoppedBy(): TidemarkError | undefined {
    return this.#stoppedBy;
  }

  /** Nothing will ever be sent again, unless something happens that is new. */
  get isSilent(): boolean {
    return this.#stoppedBy !== undefined || this.#isUntracked;
  }

  /** As the server answered; undefined before. */
  get stored(): StoredJob | undefined {
    return this.#stored;
  }

  /** The server has no such job, and it is not known why. */
  get isMissed(): boolean {
    return !this.isSilent && this.#missed !== undefined;
  }

  get hasEnded(): boolean {
    return this.root.isOver;
  }

  /** Whether something was said that the server has not answered. */
  get isWaiting(): boolean {
    if (this.isSilent || !this.isStorable) return false;
    return this.isMissed || this.needsStore || this.needsGrowth || this.hasReports;
  }

  get needsStore(): boolean {
    return !this.isSilent && !this.#stored && this.isStorable;
  }

  get needsGrowth(): boolean {
    return this.isReportable && (this.#growth !== undefined || this.#grown.size > 0);
  }

  /** The server has the job, as far as is known. */
  get isReportable(): boolean {
    return !this.isSilent && this.#stored !== undefined && this.#missed === undefined;
  }

  get hasReports(): boolean {
    if (!this.isReportable) return false;
    return this.#inputs.length > 0 || this.root.isDirty || this.#log.length > 0;
  }

  /** Stored with nothing below it, a root would be a leaf for ever. */
  get isStorable(): boolean {
    return this.root.spec.kind !== "PARENT" || this.root.subTasks.length > 0 || this.hasEnded;
  }

  touched(isUrgent: boolean): void {
    if (this.isSilent) return;
    this.isUrgent ||= isUrgent;
    this.#observer.touched(isUrgent);
  }

  grown(parent: TaskState): void {
    this.#grown.add(parent);
  }

  log(line: LogInput): void {
    this.#log.push(line);
    if (this.#log.length > DEFAULT_LIMITS.logLinesPerInputMax) this.#log.shift();
    this.touched(false);
  }

  /**
   * Resolves once the server has all that was said before.
   * @throws TidemarkError for what was refused for good.
   */
  flushed(): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      if (this.#stoppedBy) reject(this.#stoppedBy);
      else if (!this.isWaiting) resolve();
      else this.#waiting.push(waiter);
    });
  }

  takeStore(): StoreTaskInput {
    this.#store ??= { ...this.header, requestId: this.#nextRequestId(), task: this.root.announce() };
    return this.#store;
  }

  hasStored(job: StoredJob | undefined, now: number): void {
    this.#store = undefined;
    this.#stored = job;
    this.#isUntracked = !job;
    if (job) this.#answered(job, now);
    this.#settleWaiters();
  }

  takeGrowth(): AddTasksInput {
    this.#growth ??= this.#nextGrowth();
    return this.#growth;
  }

  hasGrown(job: WorkersJobFragment | undefined, now: number): void {
    this.#growth = undefined;
    if (job) this.#answered(job, now);
    this.#settleWaiters();
  }

  /**
   * What is to be sent next, in order, the same again until it is answered; none when there is nothing to say, or when
   * it may be about tasks that have to be added first.
   */
  takeReports(): readonly UpdateTaskInput[] {
    if (this.#inputs.length === 0 && !this.needsGrowth) this.#prepare();
    this.#settleWaiters();
    return this.#inputs;
  }

  /** All that was not answered, also what is on its way: the last word before a page is gone. */
  takeLastReports(): readonly UpdateTaskInput[] {
    if (this.isReportable && !this.needsGrowth) this.#prepare();
    return this.#inputs;
  }

  /** A report that says no more than that the worker lives. */
  heartbeat(): UpdateTaskInput {
    const { database, username, jobId } = this.header;
    return { database, username, jobId, attempt: this.#stored?.attempt };
  }

  /** An input of `takeReports`, or a heartbeat, was taken. */
  reported(input: UpdateTaskInput, job: WorkersJobFragment | undefined, now: number): void {
    this.#drop(input);
    if (job) this.#answered(job, now);
    this.#settleWaiters();
  }

  /** Something was told of the job without having been asked. */
  told(job: WorkersJobFragment): void {
    if (this.#stored && isSameStore(job, this.#stored)) this.#observer.answered(job);
  }

  /** The input was refused: of several updates each is tried alone, so that one takes no other with it. */
  refused(input: UpdateTaskInput, error: TidemarkError): void {
    if (endsReporting(error)) return this.refusedWhole(error);
    const updates = input.updates ?? [];
    const place = this.#drop(input);
    if (updates.length > 1) {
      this.#inputs.splice(place, 0, ...updates.map((update) => ({ ...input, updates: [update] })));
    } else if (!this.#codesTold.has(error.code)) {
      this.#codesTold.add(error.code);
      this.#observer.refused(error);
    }
    this.#settleWaiters();
  }

  /** Nothing at all is taken. */
  refusedWhole(error: TidemarkError): void {
    if (error.code !== "NOT_FOUND" || !this.#stored) return this.stop(error);
    this.#missed ??= error;
    this.isUrgent = true;
  }

  /** What is missed was looked for: the history that its database has now begins with this epoch. */
  lookedFor(epoch: string): void {
    if (!this.#missed || !this.#stored) return;
    if (epoch === parsePosition(this.#stored.position).epoch) this.stop(this.#missed);
    else this.#beginAnew();
  }

  /** Nothing is reported any more: it would be refused, or be about somebody else's attempt. */
  stop(error: TidemarkError): void {
    if (this.#stoppedBy) return;
    this.#stoppedBy = error;
    this.#inputs = [];
    this.#log = [];
    for (const { reject } of [...this.#waitingForAnswer.splice(0), ...this.#waiting.splice(0)]) reject(error);
    this.#observer.refused(error);
  }

  /** All is said again to a server that knows nothing of it; of the log only what was not answered is still there. */
  #beginAnew(): void {
    const lines = this.#inputs.flatMap(({ log }) => log ?? []);
    this.#log = [...lines, ...this.#log].slice(-DEFAULT_LIMITS.logLinesPerInputMax);
    this.#waiting = [...this.#waitingForAnswer.splice(0), ...this.#waiting];
    this.#inputs = [];
    this.#growth = this.#stored = this.#missed = undefined;
    this.#grown.clear();
    this.root.forgetSaid();
  }

  #answered(job: WorkersJobFragment, now: number): void {
    if (this.#stored && !isSameStore(job, this.#stored)) return this.stop(replaced(this.header));
    this.answeredAt = now;
    this.#observer.answered(job);
  }

  #prepare(): void {
    this.isUrgent = false;
    this.#waitingForAnswer.push(...this.#waiting.splice(0));
    const { updatesPerInputMax } = DEFAULT_LIMITS;
    const updates = takeUpdates(this.root);
    for (let from = 0; from < updates.length; from += updatesPerInputMax) {
      this.#inputs.push({ ...this.heartbeat(), updates: updates.slice(from, from + updatesPerInputMax) });
    }
    if (this.#log.length === 0) return;
    this.#inputs.push({ ...this.heartbeat(), log: this.#log, requestId: this.#nextRequestId() });
    this.#log = [];
  }

  /** Returns where it was. */
  #drop(input: UpdateTaskInput): number {
    const place = this.#inputs.indexOf(input);
    if (place >= 0) this.#inputs.splice(place, 1);
    return Math.max(place, 0);
  }

  #nextGrowth(): AddTasksInput {
    const [parent] = this.#grown as Iterable<TaskState> as [TaskState]; // there is one: needsGrowth
    this.#grown.delete(parent);
    const tasks: TaskInput[] = parent.subTasks
      .filter((subTask) => !subTask.isAnnounced)
      .map((subTask) => subTask.announce());
    return { ...this.heartbeat(), path: parent.path, tasks, requestId: this.#nextRequestId() };
  }

  #nextRequestId(): string {
    this.#requestCount += 1;
    return `${this.#id}-${this.#requestCount}`;
  }

  #settleWaiters(): void {
    if (this.#inputs.length === 0) for (const { resolve } of this.#waitingForAnswer.splice(0)) resolve();
    if (!this.isWaiting) for (const { resolve } of this.#waiting.splice(0)) resolve();
  }
}

interface Waiter {
  resolve(): void;
  reject(error: TidemarkError): void;
}

/** A history that begins anew counts attempts anew, so the attempt alone does not tell. */
function isSameStore(one: WorkersJobFragment, other: WorkersJobFragment): boolean {
  return one.attempt === other.attempt && one.storedAt === other.storedAt;
}

function replaced({ jobId }: JobHeader): TidemarkError {
  return new TidemarkError(
    "STALE_ATTEMPT",
    `Job ${JSON.stringify(jobId)} is another worker's, which has stored it since: stop, or store it again.`,
  );
}

/** What would be refused again and again, whatever is said. */
function endsReporting({ code }: TidemarkError): boolean {
  return code === "STALE_ATTEMPT" || code === "NOT_FOUND" || code === "FORBIDDEN";
}
