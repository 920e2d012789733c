/**
 * The state machine that synchronizes one job with the server.
 *
 *     OPEN ─ stored ─► STORED ─ fatal error ─► STOPPED
 *      ▲                 │ NOT_FOUND              ▲
 *      │                 ▼                        │
 *      └─ new epoch ── MISSING ── same epoch ─────┘
 *
 * If the server no longer has the job, the epoch of the database tells why. Within the same epoch, the job was removed
 * or has expired, so the SDK stops. In a new epoch, the server lost its history, for example by restarting an in-memory
 * store, so the SDK stores the job again with everything it knows. If another worker stored the job first, its
 * `storedAt` differs, and the SDK stops with STALE_ATTEMPT.
 *
 * A request in flight stays unchanged until the server answers. If an answer is lost, the same request is sent again.
 * Requests to store, add tasks or log carry a request id; updates are idempotent without one. Changes made in the
 * meantime merge into the tree, so pending data is at most twice the tree plus the newest log lines.
 */
import { CLIENT_LIMITS, type ClientLimits } from "../../protocol/client-limits.js";
import { epochOf } from "../../protocol/position.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import type {
  AddTasksInput,
  LogInput,
  LogLevel,
  StoreJobMutation,
  StoreTaskInput,
  UpdateTaskInput,
  WorkersJobFragment,
} from "../generated/graphql.js";
import { uniqueId } from "../platform.js";
import type { TaskDeclaration } from "./task-declaration.js";
import { TaskState, type TaskStateListener } from "./task-state.js";
import { collectUpdates } from "./collect-updates.js";
import { fitReport } from "./fit-report.js";
import { treePart } from "./tree-part.js";

/** The fields of a job that are sent with its tree. */
export type JobDeclaration = Omit<StoreTaskInput, "task" | "requestId" | "jobId"> & {
  readonly jobId: string;
};

/** The server's answer to storing a job. */
export type AcknowledgedJob = NonNullable<StoreJobMutation["storeTask"]>["userTask"];

export interface JobSyncObserver {
  /** Something waits to be sent. `isUrgent`: a task started or ended. */
  onChanged(isUrgent: boolean): void;
  onAcknowledged(job: WorkersJobFragment): void;
  /** @param kind the code of the error, or of another kind of problem */
  onRejected(error: TidemarkError, kind: string): void;
}

export class JobSync implements TaskStateListener {
  readonly header: JobDeclaration;
  readonly root: TaskState;
  /** When the server last acknowledged the job, in the clock's time. */
  acknowledgedAt = 0;
  isUrgent = false;
  /** The address of the server that stored the job. */
  storedBy: string | undefined;
  /** The limit for which the server rejected the job before. */
  exceeded: string | undefined;
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
  #log: LogLine[] = [];
  /** Wait for changes that are not in flight yet. */
  #waiting: Waiter[] = [];
  /** Wait for the answers to reports in flight. */
  #waitingForAnswer: Waiter[] = [];
  readonly #reportedKinds = new Set<string>();
  readonly #limits: () => ClientLimits;

  /** @param limits returns those of the server, as far as they are known. */
  constructor(
    header: JobDeclaration,
    spec: TaskDeclaration,
    observer: JobSyncObserver,
    limits: () => ClientLimits,
  ) {
    this.header = header;
    this.#observer = observer;
    this.#limits = limits;
    this.root = new TaskState(spec, this);
  }

  /** Why reporting stopped; undefined while it continues. */
  get stoppedBy(): TidemarkError | undefined {
    return this.#stoppedBy;
  }

  /** Whether the job is stopped, or the server does not track it. Nothing is sent any more. */
  get isInactive(): boolean {
    return this.#stoppedBy !== undefined || this.#isUntracked;
  }

  /** The job as the server stored it; undefined before. */
  get stored(): AcknowledgedJob | undefined {
    return this.#stored;
  }

  /** Whether the server no longer has the job, for a reason that is not yet known. */
  get isMissing(): boolean {
    return !this.isInactive && this.#notFoundError !== undefined;
  }

  get hasEnded(): boolean {
    return this.root.hasEnded;
  }

  /** Whether something has been reported that the server has not acknowledged. */
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

  /** Whether, as far as the client knows, the server has the job. */
  get isReportable(): boolean {
    return !this.isInactive && this.#stored !== undefined && this.#notFoundError === undefined;
  }

  get hasReports(): boolean {
    if (!this.isReportable) return false;
    return this.#inputs.length > 0 || this.root.isDirty || this.#log.length > 0;
  }

  /** A root stored without subtasks would be a leaf forever. */
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

  log(task: TaskState, level: LogLevel, message: string): void {
    this.#log.push({ task, level, message });
    if (this.#log.length > CLIENT_LIMITS.logLinesPerInputMax) this.#log.shift();
    this.onChanged(false);
  }

  /**
   * Resolves once the server has acknowledged everything reported before.
   * @throws TidemarkError if reporting stops.
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
    this.#storeRequest ??= this.#nextStoreRequest();
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
   * The reports to send next, in order. They stay the same until acknowledged. Empty if there is nothing to report, or
   * if it is unknown whether tasks were added.
   */
  takeReports(): readonly UpdateTaskInput[] {
    if (this.#inputs.length === 0 && !this.#addTasksRequest) this.#prepare();
    this.#settleWaiters();
    return this.#inputs;
  }

  /** Everything unacknowledged, including reports in flight, because the page may be about to close. */
  takeFinalReports(): readonly UpdateTaskInput[] {
    if (this.isReportable && !this.hasTasksToAdd) this.#prepare();
    return this.#inputs;
  }

  /** An empty report, which renews the lease. */
  heartbeat(): UpdateTaskInput {
    const { database, username, jobId } = this.header;
    return { database, username, jobId, attempt: this.#stored?.attempt };
  }

  /** @param input a report of `takeReports`, or a heartbeat. */
  onReportAcknowledged(input: UpdateTaskInput, job: WorkersJobFragment | undefined, now: number): void {
    this.#drop(input);
    if (job) this.#acknowledge(job, now);
    this.#settleWaiters();
  }

  /** A subscription delivered an event of the job. */
  onJobEvent(job: WorkersJobFragment): void {
    if (this.#stored && isSameAttempt(job, this.#stored)) this.#observer.onAcknowledged(job);
  }

  /** Retries each update of a rejected report separately, so that one bad update does not discard the others. */
  onReportRejected(input: UpdateTaskInput, error: TidemarkError): void {
    if (isFatal(error)) return this.onJobRejected(error);
    const updates = input.updates ?? [];
    const index = this.#drop(input);
    if (updates.length > 1) {
      this.#inputs.splice(index, 0, ...updates.map((update) => ({ ...input, updates: [update] })));
    } else this.warn(error);
    this.#settleWaiters();
  }

  /** Passes on the first error of each kind, by default its code. The job continues. */
  warn(error: TidemarkError, kind: string = error.code): void {
    if (!this.#reportedKinds.has(kind)) this.#observer.onRejected(error, kind);
    this.#reportedKinds.add(kind);
  }

  onJobRejected(error: TidemarkError): void {
    if (error.code !== "NOT_FOUND" || !this.#stored) return this.stop(error);
    this.#notFoundError ??= error;
    this.isUrgent = true;
  }

  /** @param epoch the current epoch of the job's database. */
  onDatabaseEpoch(epoch: string): void {
    if (!this.#notFoundError || !this.#stored) return;
    if (epoch === epochOf(this.#stored.position)) this.stop(this.#notFoundError);
    else this.restart();
  }

  /** Stops reporting for good. */
  stop(error: TidemarkError): void {
    if (this.#stoppedBy) return;
    this.#stoppedBy = error;
    this.#inputs = [];
    this.#log = [];
    for (const { reject } of [...this.#waitingForAnswer.splice(0), ...this.#waiting.splice(0)]) reject(error);
    this.#observer.onRejected(error, error.code);
  }

  /** Stores the job again, on a server that lost its history or changed its limits. Acknowledged log lines are lost. */
  restart(): void {
    const lines = this.#inputs.flatMap(({ log }) => log ?? []);
    this.#log = [...lines.map((line) => this.#unsentLine(line)), ...this.#log].slice(
      -CLIENT_LIMITS.logLinesPerInputMax,
    );
    this.#waiting = [...this.#waitingForAnswer.splice(0), ...this.#waiting];
    this.#inputs = [];
    this.#storeRequest = this.#addTasksRequest = this.#stored = this.#notFoundError = undefined;
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
    const { logLinesPerJobMax, requestIdsPerAttemptMax } = this.#limits();
    const updates = this.#fit({
      ...this.heartbeat(),
      updates: collectUpdates(this.root, this.#parentsToAdd),
    });
    const unsent = this.#log.slice(-logLinesPerJobMax);
    const lines = this.#fit({ ...this.heartbeat(), log: unsent.map(toLogInput) });
    const sent = lines.slice(0, requestIdsPerAttemptMax); // repeated, the server ignores them
    this.#inputs.push(...updates, ...sent);
    this.#log = unsent.slice(sent.flatMap(({ log }) => log ?? []).length);
    const isWhole = this.#log.length === 0 && this.#parentsToAdd.size === 0;
    if (isWhole) this.#waitingForAnswer.push(...this.#waiting.splice(0));
  }

  #unsentLine({ path, level, message }: LogInput): LogLine {
    return { task: this.root.at(path ?? ""), level: level ?? "INFO", message };
  }

  #fit(input: UpdateTaskInput): UpdateTaskInput[] {
    return fitReport(input, this.#limits(), () => this.#nextRequestId());
  }

  /** Returns the index that the input had. */
  #drop(input: UpdateTaskInput): number {
    const index = this.#inputs.indexOf(input);
    if (index >= 0) this.#inputs.splice(index, 1);
    return Math.max(index, 0);
  }

  #nextStoreRequest(): StoreTaskInput {
    const request = { ...this.header, requestId: this.#nextRequestId() };
    return { ...request, task: this.root.announce(treePart(this.#limits(), request)) };
  }

  #nextAddTasksRequest(): AddTasksInput {
    const [parent] = this.#parentsToAdd as Iterable<TaskState> as [TaskState]; // safe: hasTasksToAdd
    this.#parentsToAdd.delete(parent);
    const request = { ...this.heartbeat(), path: parent.path, requestId: this.#nextRequestId() };
    const unknown = parent.subTasks.filter((subTask) => !subTask.isAnnounced);
    return { ...request, tasks: parent.announceSubTasks(treePart(this.#limits(), request), unknown) };
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

/** A line of the log that is not in a request yet. Its path depends on what the server knows then. */
interface LogLine {
  readonly task: TaskState;
  readonly level: LogLevel;
  readonly message: string;
}

function toLogInput({ task, level, message }: LogLine): LogInput {
  return { level, path: task.reportedPath, message };
}

/** Attempts restart at 1 in a new epoch, so the attempt alone is not unique. */
function isSameAttempt(one: WorkersJobFragment, other: WorkersJobFragment): boolean {
  return one.attempt === other.attempt && one.storedAt === other.storedAt;
}

function staleAttemptError({ jobId }: JobDeclaration): TidemarkError {
  return new TidemarkError(
    "STALE_ATTEMPT",
    `Job ${JSON.stringify(jobId)} was stored again by another worker. Stop this worker, or store the job again.`,
  );
}

/** Whether the server would reject every further report too. */
function isFatal({ code }: TidemarkError): boolean {
  return code === "STALE_ATTEMPT" || code === "NOT_FOUND" || code === "FORBIDDEN";
}
