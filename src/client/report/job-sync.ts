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
import { DEFAULT_LIMITS } from "../../protocol/limits.js";
import { parsePosition } from "../../protocol/position.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import type {
  AddTasksInput,
  LogInput,
  StoreJobMutation,
  StoreTaskInput,
  TaskInput,
  UpdateTaskInput,
  WorkersJobFragment,
} from "../generated/graphql.js";
import { uniqueId } from "../platform.js";
import type { TaskDeclaration } from "./task-declaration.js";
import { TaskState, type TaskStateListener } from "./task-state.js";
import { collectUpdates } from "./collect-updates.js";

/** What is said of a job when it is stored, besides its tree. */
export type JobDeclaration = Omit<StoreTaskInput, "task" | "requestId" | "jobId"> & {
  readonly jobId: string;
};

/** A job as the server has stored it. */
export type AcknowledgedJob = NonNullable<StoreJobMutation["storeTask"]>["userTask"];

/** Whoever is told what becomes of a job. */
export interface JobSyncObserver {
  /** There is something to send; `isUrgent`: at once. */
  onChanged(isUrgent: boolean): void;
  onAcknowledged(job: WorkersJobFragment): void;
  /** The server has refused something. */
  onRejected(error: TidemarkError): void;
}

export class JobSync implements TaskStateListener {
  readonly header: JobDeclaration;
  readonly root: TaskState;
  /** When the server last answered something about it. */
  acknowledgedAt = 0;
  isUrgent = false;
  readonly #observer: JobSyncObserver;
  readonly #id = uniqueId();
  #requestCount = 0;
  #stored: AcknowledgedJob | undefined;
  #notFoundError: TidemarkError | undefined;
  #stoppedBy: TidemarkError | undefined;
  #isUntracked = false;
  #storeRequest: StoreTaskInput | undefined;
  #addTasksRequest: AddTasksInput | undefined;
  readonly #parentsToAdd = new Set<TaskState>();
  #inputs: UpdateTaskInput[] = [];
  #log: LogInput[] = [];
  /** Those that wait for what has not been taken yet, and for what is on its way. */
  #waiting: Waiter[] = [];
  #waitingForAnswer: Waiter[] = [];
  readonly #reportedCodes = new Set<string>();

  constructor(header: JobDeclaration, spec: TaskDeclaration, observer: JobSyncObserver) {
    this.header = header;
    this.#observer = observer;
    this.root = new TaskState(spec, this);
  }

  /** Why nothing is reported any more; undefined while it is. */
  get stoppedBy(): TidemarkError | undefined {
    return this.#stoppedBy;
  }

  /** Nothing will ever be sent again, unless something happens that is new. */
  get isInactive(): boolean {
    return this.#stoppedBy !== undefined || this.#isUntracked;
  }

  /** As the server answered; undefined before. */
  get stored(): AcknowledgedJob | undefined {
    return this.#stored;
  }

  /** The server has no such job, and it is not known why. */
  get isMissing(): boolean {
    return !this.isInactive && this.#notFoundError !== undefined;
  }

  get hasEnded(): boolean {
    return this.root.hasEnded;
  }

  /** Whether something was said that the server has not answered. */
  get hasPending(): boolean {
    if (this.isInactive || !this.isStorable) return false;
    return this.isMissing || this.needsStore || this.hasTasksToAdd || this.hasReports;
  }

  get needsStore(): boolean {
    return !this.isInactive && !this.#stored && this.isStorable;
  }

  get hasTasksToAdd(): boolean {
    return this.isReportable && (this.#addTasksRequest !== undefined || this.#parentsToAdd.size > 0);
  }

  /** The server has the job, as far as is known. */
  get isReportable(): boolean {
    return !this.isInactive && this.#stored !== undefined && this.#notFoundError === undefined;
  }

  get hasReports(): boolean {
    if (!this.isReportable) return false;
    return this.#inputs.length > 0 || this.root.isDirty || this.#log.length > 0;
  }

  /** Stored with nothing below it, a root would be a leaf for ever. */
  get isStorable(): boolean {
    return this.root.spec.kind !== "PARENT" || this.root.subTasks.length > 0 || this.hasEnded;
  }

  onChanged(isUrgent: boolean): void {
    if (this.isInactive) return;
    this.isUrgent ||= isUrgent;
    this.#observer.onChanged(isUrgent);
  }

  onSubTasksAdded(parent: TaskState): void {
    this.#parentsToAdd.add(parent);
  }

  log(line: LogInput): void {
    this.#log.push(line);
    if (this.#log.length > DEFAULT_LIMITS.logLinesPerInputMax) this.#log.shift();
    this.onChanged(false);
  }

  /**
   * Resolves once the server has all that was said before.
   * @throws TidemarkError for what was refused for good.
   */
  waitForFlush(): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      if (this.#stoppedBy) reject(this.#stoppedBy);
      else if (!this.hasPending) resolve();
      else this.#waiting.push(waiter);
    });
  }

  takeStoreRequest(): StoreTaskInput {
    this.#storeRequest ??= { ...this.header, requestId: this.#nextRequestId(), task: this.root.announce() };
    return this.#storeRequest;
  }

  onStoreAcknowledged(job: AcknowledgedJob | undefined, now: number): void {
    this.#storeRequest = undefined;
    this.#stored = job;
    this.#isUntracked = !job;
    if (job) this.#acknowledge(job, now);
    this.#settleWaiters();
  }

  takeAddTasksRequest(): AddTasksInput {
    this.#addTasksRequest ??= this.#nextAddTasksRequest();
    return this.#addTasksRequest;
  }

  onAddTasksAcknowledged(job: WorkersJobFragment | undefined, now: number): void {
    this.#addTasksRequest = undefined;
    if (job) this.#acknowledge(job, now);
    this.#settleWaiters();
  }

  /**
   * What is to be sent next, in order, the same again until it is answered; none when there is nothing to say, or when
   * it may be about tasks that have to be added first.
   */
  takeReports(): readonly UpdateTaskInput[] {
    if (this.#inputs.length === 0 && !this.hasTasksToAdd) this.#prepare();
    this.#settleWaiters();
    return this.#inputs;
  }

  /** All that was not answered, also what is on its way: the last word before a page is gone. */
  takeFinalReports(): readonly UpdateTaskInput[] {
    if (this.isReportable && !this.hasTasksToAdd) this.#prepare();
    return this.#inputs;
  }

  /** A report that says no more than that the worker lives. */
  heartbeat(): UpdateTaskInput {
    const { database, username, jobId } = this.header;
    return { database, username, jobId, attempt: this.#stored?.attempt };
  }

  /** An input of `takeReports`, or a heartbeat, was taken. */
  onReportAcknowledged(input: UpdateTaskInput, job: WorkersJobFragment | undefined, now: number): void {
    this.#drop(input);
    if (job) this.#acknowledge(job, now);
    this.#settleWaiters();
  }

  /** Something was told of the job without having been asked. */
  onJobEvent(job: WorkersJobFragment): void {
    if (this.#stored && isSameAttempt(job, this.#stored)) this.#observer.onAcknowledged(job);
  }

  /** The input was refused: of several updates each is tried alone, so that one takes no other with it. */
  onReportRejected(input: UpdateTaskInput, error: TidemarkError): void {
    if (isFatal(error)) return this.onJobRejected(error);
    const updates = input.updates ?? [];
    const place = this.#drop(input);
    if (updates.length > 1) {
      this.#inputs.splice(place, 0, ...updates.map((update) => ({ ...input, updates: [update] })));
    } else if (!this.#reportedCodes.has(error.code)) {
      this.#reportedCodes.add(error.code);
      this.#observer.onRejected(error);
    }
    this.#settleWaiters();
  }

  /** Nothing at all is taken. */
  onJobRejected(error: TidemarkError): void {
    if (error.code !== "NOT_FOUND" || !this.#stored) return this.stop(error);
    this.#notFoundError ??= error;
    this.isUrgent = true;
  }

  /** What is missed was looked for: the history that its database has now begins with this epoch. */
  onDatabaseEpoch(epoch: string): void {
    if (!this.#notFoundError || !this.#stored) return;
    if (epoch === parsePosition(this.#stored.position).epoch) this.stop(this.#notFoundError);
    else this.#restart();
  }

  /** Nothing is reported any more: it would be refused, or be about somebody else's attempt. */
  stop(error: TidemarkError): void {
    if (this.#stoppedBy) return;
    this.#stoppedBy = error;
    this.#inputs = [];
    this.#log = [];
    for (const { reject } of [...this.#waitingForAnswer.splice(0), ...this.#waiting.splice(0)]) reject(error);
    this.#observer.onRejected(error);
  }

  /** All is said again to a server that knows nothing of it; of the log only what was not answered is still there. */
  #restart(): void {
    const lines = this.#inputs.flatMap(({ log }) => log ?? []);
    this.#log = [...lines, ...this.#log].slice(-DEFAULT_LIMITS.logLinesPerInputMax);
    this.#waiting = [...this.#waitingForAnswer.splice(0), ...this.#waiting];
    this.#inputs = [];
    this.#addTasksRequest = this.#stored = this.#notFoundError = undefined;
    this.#parentsToAdd.clear();
    this.root.resetReported();
  }

  #acknowledge(job: WorkersJobFragment, now: number): void {
    if (this.#stored && !isSameAttempt(job, this.#stored)) return this.stop(staleAttemptError(this.header));
    this.acknowledgedAt = now;
    this.#observer.onAcknowledged(job);
  }

  #prepare(): void {
    this.isUrgent = false;
    this.#waitingForAnswer.push(...this.#waiting.splice(0));
    const { updatesPerInputMax } = DEFAULT_LIMITS;
    const updates = collectUpdates(this.root);
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

  #nextAddTasksRequest(): AddTasksInput {
    const [parent] = this.#parentsToAdd as Iterable<TaskState> as [TaskState]; // there is one: needsGrowth
    this.#parentsToAdd.delete(parent);
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
    if (!this.hasPending) for (const { resolve } of this.#waiting.splice(0)) resolve();
  }
}

interface Waiter {
  resolve(): void;
  reject(error: TidemarkError): void;
}

/** A history that begins anew counts attempts anew, so the attempt alone does not tell. */
function isSameAttempt(one: WorkersJobFragment, other: WorkersJobFragment): boolean {
  return one.attempt === other.attempt && one.storedAt === other.storedAt;
}

function staleAttemptError({ jobId }: JobDeclaration): TidemarkError {
  return new TidemarkError(
    "STALE_ATTEMPT",
    `Job ${JSON.stringify(jobId)} is another worker's, which has stored it since: stop, or store it again.`,
  );
}

/** What would be refused again and again, whatever is said. */
function isFatal({ code }: TidemarkError): boolean {
  return code === "STALE_ATTEMPT" || code === "NOT_FOUND" || code === "FORBIDDEN";
}
