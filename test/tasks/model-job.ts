import type { ErrorCode } from "../../src/protocol/error-codes.js";
import type { TaskSpec } from "../../src/tasks/task-spec.js";
import type { TaskStatus } from "../../src/tasks/task-status.js";
import type { TaskUpdate } from "../../src/tasks/task-update.js";
import type { IterationMode, TaskKind } from "../../src/tasks/task.js";

/**
 * A literal implementation of the contract: mutable plain objects, and sums computed from the leaves on each
 * read. It is slow, but simple enough to show which one is wrong when it and the code differ.
 */
export class ModelJob {
  #state: State | undefined;
  #attempt = 0;
  #version = 0;
  /** The latest change in the database, which has only this job. */
  #revision = 0;
  readonly #bounds: Bounds;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  get revision(): number {
    return this.#revision;
  }

  get attempt(): number {
    return this.#attempt;
  }

  get version(): number {
    return this.#version;
  }

  /** Every task in pre-order, as a client sees it. */
  get view(): TaskView[] {
    return this.#state ? placed(this.#state.root).map(({ task, path }) => viewOf(task, path)) : [];
  }

  /** The revision of each task: the latest change in it or below it. */
  get revisions(): number[] {
    return this.#state ? placed(this.#state.root).map(({ task }) => task.revision) : [];
  }

  /** The task count of each task, as the tree limit counts it. */
  get taskCounts(): number[] {
    return this.#state ? placed(this.#state.root).map(({ task }) => taskCount(task)) : [];
  }

  store(spec: TaskSpec, onConflict: "OVERWRITE" | "REJECT", now: number): ModelOutcome {
    if (this.#state && onConflict === "REJECT" && !hasEnded(this.#state.root))
      return refused("ALREADY_EXISTS");
    this.#attempt += 1;
    const root = plant(spec, null, null);
    this.#state = { root, reportedAt: now, cancelRequested: false, requestIds: [] };
    return this.#commit(placed(root).map(({ task }) => task));
  }

  report(report: ModelReport, now: number): ModelOutcome {
    return this.#onWhatIsThere(report, (state) => {
      if (report.requestId !== null && state.requestIds.includes(report.requestId)) return NOTHING;
      const written = new Written(state, now, this.#bounds);
      report.updates.forEach((update) => written.apply(update));
      const isDue = now - state.reportedAt >= this.#bounds.leaseMs / 4 && !hasEnded(state.root);
      if (written.tasks.size === 0 && report.logLines === 0 && !isDue) return NOTHING;
      return this.#remember(state, report, now, written);
    });
  }

  grow(growth: ModelAddTasks, now: number): ModelOutcome {
    return this.#onWhatIsThere(growth, (state) => {
      if (growth.requestId !== null && state.requestIds.includes(growth.requestId)) return NOTHING;
      const written = new Written(state, now, this.#bounds);
      written.append(growth.path, growth.specs);
      return this.#remember(state, growth, now, written);
    });
  }

  requestCancel(fence: Fence): ModelOutcome {
    return this.#onWhatIsThere(fence, (state) => {
      if (hasEnded(state.root)) throw new Refused(new Set(["ILLEGAL_TRANSITION"]));
      if (state.cancelRequested) return NOTHING;
      state.cancelRequested = true;
      return [];
    });
  }

  remove(fence: Fence): ModelOutcome {
    if (!this.#state) return UNCHANGED;
    if (fence.attempt !== null && fence.attempt !== this.#attempt) return refused("STALE_ATTEMPT");
    this.#state = undefined;
    return this.#commit([]);
  }

  /** Applies `change`, which returns the tasks that it wrote, to a copy, so that a rejected change has no effect. */
  #onWhatIsThere(
    fence: Fence,
    change: (state: State) => readonly ModelTask[] | typeof NOTHING,
  ): ModelOutcome {
    if (!this.#state) return refused("NOT_FOUND");
    if (fence.attempt !== null && fence.attempt !== this.#attempt) return refused("STALE_ATTEMPT");
    const copy = structuredClone(this.#state);
    try {
      const written = change(copy);
      if (written === NOTHING) return UNCHANGED;
      this.#state = copy;
      return this.#commit(written);
    } catch (error) {
      if (error instanceof Refused) return { kind: "refused", codes: [...error.codes] };
      throw error;
    }
  }

  #remember(state: State, { requestId }: Request, now: number, written: Written): readonly ModelTask[] {
    state.reportedAt = now;
    if (requestId !== null) state.requestIds = [...state.requestIds, requestId].slice(-64);
    return [...written.tasks];
  }

  /** Every change uses the next revision, for each written task and its ancestors. */
  #commit(written: readonly ModelTask[]): ModelOutcome {
    this.#revision += 1;
    this.#version += 1;
    for (const task of written.flatMap(withThoseAbove)) task.revision = this.#revision;
    const all = this.#state ? placed(this.#state.root) : [];
    const paths = all.filter(({ task }) => written.includes(task)).map(({ path }) => path);
    return { kind: "changed", written: paths };
  }
}

/** If an input has several faults, the error may have any of `codes`. */
export type ModelOutcome =
  | { readonly kind: "refused"; readonly codes: readonly ErrorCode[] }
  | { readonly kind: "unchanged" }
  | { readonly kind: "changed"; readonly written: readonly string[] };

export interface Fence {
  readonly attempt: number | null;
}

interface Request extends Fence {
  readonly requestId: string | null;
}

export interface ModelReport extends Request {
  readonly updates: readonly TaskUpdate[];
  readonly logLines: number;
}

export interface ModelAddTasks extends Request {
  readonly path: string;
  readonly specs: readonly TaskSpec[];
}

export interface Bounds {
  readonly tasksMax: number;
  readonly messageBytesMax: number;
  readonly leaseMs: number;
}

/** The readable fields of a task except its revision. */
export interface TaskView {
  readonly path: string;
  readonly description: string;
  readonly kind: TaskKind;
  readonly status: TaskStatus;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly message: string | null;
  readonly maxConcurrency: number | null;
  readonly begunIterations: number | null;
  readonly finishedSubTasks: number | null;
  readonly currentIteration: number | null;
  readonly done: number;
  readonly volume: number | null;
  readonly knownVolume: number;
  readonly ratio: number | null;
  readonly unknownCount: number;
}

interface State {
  readonly root: ModelTask;
  reportedAt: number;
  cancelRequested: boolean;
  requestIds: string[];
}

interface ModelTask {
  readonly kind: TaskKind;
  readonly description: string;
  readonly maxConcurrency: number | null;
  readonly above: ModelTask | null;
  readonly below: ModelTask[];
  readonly mode: IterationMode | null;
  readonly max: number | null;
  readonly repeats: readonly TaskSpec[];
  status: TaskStatus;
  startedAt: number | null;
  endedAt: number | null;
  message: string | null;
  done: number;
  volume: number | null;
  begun: number;
  /** Canceled because the task above it finished, or its iteration ended. */
  leftTheVolume: boolean;
  revision: number;
}

class Refused extends Error {
  readonly codes: ReadonlySet<ErrorCode>;

  constructor(codes: ReadonlySet<ErrorCode>) {
    super([...codes].join(", "));
    this.codes = codes;
  }
}

/** No change at all. A change of the job that writes no task is an empty list instead. */
const NOTHING = "nothing";
const UNCHANGED: ModelOutcome = { kind: "unchanged" };

function refused(code: ErrorCode): ModelOutcome {
  return { kind: "refused", codes: [code] };
}

/** Changes a tree in place and records which tasks it wrote. */
class Written {
  readonly tasks = new Set<ModelTask>();
  readonly #root: ModelTask;
  readonly #now: number;
  readonly #bounds: Bounds;

  constructor({ root }: State, now: number, bounds: Bounds) {
    this.#root = root;
    this.#now = now;
    this.#bounds = bounds;
  }

  /**
   * "Within one input: volume, then done or add (not both), then message, iteration, status." Continues after
   * a fault to collect every fault of the input; the caller then drops the tree.
   */
  apply(update: TaskUpdate): void {
    const task = this.#find(update.path);
    const faults = new Set<ErrorCode>(faultsWhateverTheState(task, update, this.#bounds));
    const ask = (isNew: boolean, change: () => void): void => {
      if (!isNew) return;
      if (withThoseAbove(task).some(hasEnded)) faults.add("ILLEGAL_TRANSITION");
      change();
    };

    const { volume, done, add, message, iteration, status } = update;
    if (task.kind === "LEAF") {
      ask(isGiven(volume) && volume !== task.volume, () => this.#write(task, { volume: volume! }));
      const wanted = isGiven(add) ? task.done + add : (done ?? 0);
      ask(wanted > task.done, () => {
        this.#begin(task);
        this.#write(task, { done: wanted });
      });
    }
    const text = message === "" ? null : message;
    ask(isGiven(message) && text !== task.message, () => this.#write(task, { message: text! }));
    const canRepeat = task.kind === "ITERATIVE" && (task.max === null || (iteration ?? 0) <= task.max);
    const isNewIteration = canRepeat && isGiven(iteration) && iteration > task.begun;
    ask(isNewIteration, () => this.#iterate(task, iteration!));
    ask(isGiven(status) && status !== "PENDING" && status !== task.status, () => this.#become(task, status!));

    // "A change after which a sum in the tree would pass it": not in the middle of one.
    if (this.#isTooMuch()) faults.add("LIMIT_EXCEEDED");
    if (faults.size > 0) throw new Refused(faults);
  }

  /** "Appends tasks below one that is neither a leaf nor iterative and has not ended." */
  append(path: string, specs: readonly TaskSpec[]): void {
    const parent = this.#find(path);
    const faults = new Set<ErrorCode>();
    if (parent.kind !== "INTERMEDIATE" || specs.length === 0) faults.add("BAD_USER_INPUT");
    if (withThoseAbove(parent).some(hasEnded)) faults.add("ILLEGAL_TRANSITION");
    this.#plantBelow(parent, specs);
    if (this.#isTooMuch()) faults.add("LIMIT_EXCEEDED");
    if (faults.size > 0) throw new Refused(faults);
  }

  #isTooMuch(): boolean {
    return taskCount(this.#root) > this.#bounds.tasksMax || allBelow(this.#root).some(passesTheSafeIntegers);
  }

  #find(path: string): ModelTask {
    const found = placed(this.#root).find((place) => place.path === path);
    if (!found) throw new Refused(new Set(["NOT_FOUND"]));
    return found.task;
  }

  #write(task: ModelTask, fields: Partial<ModelTask>): void {
    Object.assign(task, fields);
    this.tasks.add(task);
  }

  /** "... imply that the task and those above it have begun." */
  #begin(task: ModelTask): void {
    for (const begun of withThoseAbove(task)) {
      if (begun.status === "PENDING") this.#write(begun, { status: "RUNNING", startedAt: this.#now });
    }
  }

  #become(task: ModelTask, status: TaskStatus): void {
    if (status !== "CANCELED") this.#begin(task);
    if (status === "FINISHED") this.#finish(task);
    if (status === "FAILED" || status === "CANCELED") this.#endWithWhatRunsBelow(task, status);
  }

  #finish(task: ModelTask): void {
    if (task.kind === "LEAF") {
      const volume = task.volume ?? task.done;
      this.#write(task, { volume, done: Math.max(task.done, volume) });
    }
    this.#write(task, { status: "FINISHED", endedAt: this.#now });
    task.below.forEach((subTask) => this.#settle(subTask));
  }

  /**
   * "FINISHED on any other task finishes what runs below it and cancels what is pending there." This includes
   * all levels below, and tasks that remained pending below a failed or canceled one.
   */
  #settle(task: ModelTask): void {
    if (task.status === "RUNNING") return this.#finish(task);
    if (task.status !== "PENDING") return task.below.forEach((subTask) => this.#settle(subTask));
    this.#write(task, { leftTheVolume: true });
    for (const pending of allBelow(task).filter(({ status }) => status === "PENDING")) {
      this.#write(pending, { status: "CANCELED", endedAt: this.#now });
    }
  }

  /** FAILED and CANCELED end the running tasks below alike. Pending tasks and the tasks above stay as they are. */
  #endWithWhatRunsBelow(task: ModelTask, status: TaskStatus): void {
    const running = allBelow(task).filter((below) => below !== task && below.status === "RUNNING");
    for (const ended of [task, ...running]) this.#write(ended, { status, endedAt: this.#now });
  }

  #growTo(task: ModelTask, iteration: number): void {
    const known = task.below.length / task.repeats.length;
    for (let next = known; next < iteration; next++) this.#plantBelow(task, task.repeats);
  }

  #iterate(task: ModelTask, iteration: number): void {
    this.#growTo(task, iteration);
    this.#begin(task);
    this.#write(task, { begun: iteration });
    task.below.slice(0, (iteration - 1) * task.repeats.length).forEach((subTask) => this.#settle(subTask));
  }

  #plantBelow(parent: ModelTask, specs: readonly TaskSpec[]): void {
    for (const spec of specs) {
      const subTask = plant(spec, parent, parent.maxConcurrency);
      parent.below.push(subTask);
      allBelow(subTask).forEach((task) => this.tasks.add(task));
    }
  }
}

function faultsWhateverTheState(task: ModelTask, update: TaskUpdate, bounds: Bounds): ErrorCode[] {
  const { volume, done, add, message, iteration, status } = update;
  const faults: ErrorCode[] = [];
  if (isGiven(done) && isGiven(add)) faults.push("BAD_USER_INPUT");
  if (task.kind !== "LEAF" && [volume, done, add].some(isGiven)) faults.push("NOT_A_LEAF");
  if (isGiven(message) && Buffer.byteLength(message) > bounds.messageBytesMax) faults.push("BAD_USER_INPUT");
  if (isGiven(iteration) && (task.kind !== "ITERATIVE" || iteration < 1)) faults.push("BAD_USER_INPUT");
  if (isGiven(iteration) && task.max !== null && iteration > task.max) faults.push("BAD_USER_INPUT");
  if (status === "PENDING") faults.push("ILLEGAL_TRANSITION");
  return faults;
}

function plant(spec: TaskSpec, above: ModelTask | null, inherited: number | null): ModelTask {
  const maxConcurrency = spec.maxConcurrency ?? inherited;
  const { iterations } = spec;
  const task: ModelTask = {
    kind: spec.subTasks ? "INTERMEDIATE" : iterations ? "ITERATIVE" : "LEAF",
    description: spec.description,
    maxConcurrency,
    above,
    below: [],
    mode: iterations?.mode ?? null,
    max: iterations?.max ?? null,
    repeats: iterations?.tasks ?? [],
    status: "PENDING",
    startedAt: null,
    endedAt: null,
    message: null,
    done: 0,
    volume: spec.volume ?? null,
    begun: 0,
    leftTheVolume: false,
    revision: 0,
  };
  const below = spec.subTasks ?? Array.from({ length: task.max ?? 0 }, () => task.repeats).flat();
  task.below.push(...below.map((subSpec) => plant(subSpec, task, maxConcurrency)));
  return task;
}

function viewOf(task: ModelTask, path: string): TaskView {
  const { description, kind, status, startedAt, endedAt, message, maxConcurrency } = task;
  const done = Number(doneBelow(task));
  const knownVolume = Number(volumeBelow(task));
  const unknownCount = unknownBelow(task);
  const hasNothingBelow = kind !== "LEAF" && task.below.length === 0;
  const volume = unknownCount > 0 || hasNothingBelow ? null : knownVolume;
  const finished = task.below.filter((subTask) => subTask.status === "FINISHED").length;
  const isIterative = kind === "ITERATIVE";
  return {
    path,
    description,
    kind,
    status,
    startedAt,
    endedAt,
    message,
    maxConcurrency,
    begunIterations: isIterative ? task.begun : null,
    finishedSubTasks: isIterative ? finished : null,
    currentIteration: isIterative ? Math.floor(finished / task.repeats.length) : null,
    done,
    volume,
    knownVolume,
    ratio: volume === null ? null : done >= volume ? 1 : done / volume,
    unknownCount,
  };
}

function counting(task: ModelTask): ModelTask[] {
  return task.below.filter((subTask) => !subTask.leftTheVolume);
}

function doneBelow(task: ModelTask): bigint {
  if (task.kind === "LEAF") return BigInt(task.done);
  return counting(task).reduce((sum, subTask) => sum + doneBelow(subTask), 0n);
}

function volumeBelow(task: ModelTask): bigint {
  if (task.kind === "LEAF") return BigInt(task.volume ?? 0);
  return counting(task).reduce((sum, subTask) => sum + volumeBelow(subTask), 0n);
}

function unknownBelow(task: ModelTask): number {
  if (task.kind === "LEAF") return task.volume === null ? 1 : 0;
  const isUnbounded = task.mode === "OPEN" && task.status !== "FINISHED";
  return counting(task).reduce((sum, subTask) => sum + unknownBelow(subTask), isUnbounded ? 1 : 0);
}

function passesTheSafeIntegers(task: ModelTask): boolean {
  return [doneBelow(task), volumeBelow(task)].some((sum) => sum > BigInt(Number.MAX_SAFE_INTEGER));
}

/** The task and all tasks below it, plus the future first iteration of OPEN ones. */
function taskCount(task: ModelTask): number {
  const place = task.mode === "OPEN" && task.below.length === 0 ? task.repeats : [];
  const toCome = place.map((spec) => plant(spec, null, null));
  return [...task.below, ...toCome].reduce((count, subTask) => count + taskCount(subTask), 1);
}

/** The task and all tasks below it. */
function allBelow(task: ModelTask): ModelTask[] {
  return [task, ...task.below.flatMap(allBelow)];
}

/** The task and all its ancestors. */
function withThoseAbove(task: ModelTask): ModelTask[] {
  return task.above ? [task, ...withThoseAbove(task.above)] : [task];
}

function placed(task: ModelTask, path = ""): { task: ModelTask; path: string }[] {
  const below = task.below.flatMap((subTask, index) =>
    placed(subTask, path === "" ? `${index}` : `${path}.${index}`),
  );
  return [{ task, path }, ...below];
}

function hasEnded({ status }: ModelTask): boolean {
  return status === "FINISHED" || status === "FAILED" || status === "CANCELED";
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}
