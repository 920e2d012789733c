import type { ElapsedMs } from "./edit.js";
import { overdueMs, rateUnlessStalled, SMOOTHING_MS, WARM_UP_MS } from "./rate-estimate.js";
import type { IterativeTask, LeafTask, Task } from "./task.js";
import type { UserTask } from "./user-task.js";

/** The estimated end of a job, in milliseconds since 1970. */
export interface Eta {
  readonly earliest: number;
  readonly likely: number;
  readonly latest: number;
}

/**
 * Estimates when the job will end. The range is wider the less is known and the longer the worker is silent,
 * and it never starts before `now`. Returns null while no estimate is possible, and for a LOST job.
 *
 * The model: running leaves proceed in parallel, each at its own rate. As they finish, they take over the waiting
 * work, at their current rate or at the average rate of the job. Each unknown volume may take as long as all known
 * work together. Only running tasks are visited, so the cost depends on the running leaves, their siblings and their
 * ancestors.
 *
 * @param elapsedMs as in `Edit`
 */
export function etaOf({ task, health, reportedAt }: UserTask, now: number, elapsedMs: ElapsedMs): Eta | null {
  if (task.status !== "RUNNING" || health === "LOST") return null;
  const msSince = (time: number): number => elapsedMs(time, now);
  const estimator = new EtaEstimator(msSince);
  estimator.addTask(task);
  const left = estimator.remainingOf(task);
  if (left === null || left.likely > ETA_MAX_MS) return null;
  const silenceMs = msSince(reportedAt);
  const latest = left.latest * (1 + task.unknownCount) + silenceMs + END_DELAY_MS;
  return {
    earliest: now + Math.floor(Math.min(left.earliest, left.likely)),
    likely: now + Math.round(left.likely),
    latest: now + Math.ceil(Math.min(Math.max(latest, left.likely), 2 * ETA_MAX_MS)),
  };
}

type MsSince = (time: number) => number;

/** The same range in milliseconds from now. */
type RemainingMs = Eta;

/** The time that a running leaf still needs, and its rate in units per millisecond. */
interface RunningLeaf {
  readonly remaining: RemainingMs;
  readonly speed: RemainingMs;
}

/** The remaining work, collected from a tree. */
class EtaEstimator {
  readonly #msSince: MsSince;
  readonly #running: RunningLeaf[] = [];
  /** Units that are not in progress, or whose rate is not known yet. */
  #waiting = 0;
  /** The part of `#waiting` that is skipped if iterations end early. */
  #skippable = 0;

  constructor(msSince: MsSince) {
    this.#msSince = msSince;
  }

  addTask(task: Task, isSkippable = false): void {
    if (task.status === "PENDING") this.#addWaiting(task.knownVolume, isSkippable);
    if (task.status !== "RUNNING") return;
    if (task.kind === "LEAF") return this.#addLeaf(task);
    const certain = task.kind === "ITERATIVE" ? certainSubTasks(task) : Infinity;
    task.subTasks.forEach(ALL, (subTask, index) => this.addTask(subTask, isSkippable || index >= certain));
  }

  /** null while no estimate is possible. */
  remainingOf(root: Task): RemainingMs | null {
    const isDone = this.#running.length === 0 && this.#waiting === 0;
    if (isDone) return root.unknownCount === 0 ? NOTHING_LEFT : null;
    const average = this.#averageOf(root);
    const speed = totalOf(this.#running.map((leaf) => leaf.speed));
    if (this.#running.length === 0 && average === null) return null;
    return this.#estimate(speed, average ?? speed.likely);
  }

  /** Assumes that leaves take over waiting work once they are finished. */
  #estimate(speed: RemainingMs, average: number): RemainingMs {
    const isIdle = this.#running.length === 0;
    const fast = Math.max(speed.earliest, average) * WAITING_WORK_FACTOR;
    const slow = (isIdle ? average : Math.min(speed.latest, average)) / WAITING_WORK_FACTOR;
    return {
      earliest: this.#remainingMs("earliest", speed, (this.#waiting - this.#skippable) / fast),
      likely: this.#remainingMs("likely", speed, this.#waiting / (isIdle ? average : speed.likely)),
      latest: this.#remainingMs("latest", speed, this.#waiting / slow),
    };
  }

  /** The time for all work, `waitingMs` included, if it is shared evenly; at least that of the longest running leaf. */
  #remainingMs(which: keyof RemainingMs, speed: RemainingMs, waitingMs: number): number {
    let [longest, work] = [0, 0];
    for (const leaf of this.#running) {
      longest = Math.max(longest, leaf.remaining[which]);
      work += leaf.remaining[which] * leaf.speed[which];
    }
    return Math.max(longest, (work === 0 ? 0 : work / speed[which]) + waitingMs);
  }

  #addLeaf(leaf: LeafTask): void {
    if (leaf.volume === null) return;
    const units = Math.max(0, leaf.volume - leaf.done);
    const running = runningLeaf(leaf, units, this.#msSince(leaf.startedAt!));
    if (running) this.#running.push(running);
    else this.#addWaiting(units, false);
  }

  #addWaiting(units: number, isSkippable: boolean): void {
    this.#waiting += units;
    if (isSkippable) this.#skippable += units;
  }

  /** Units per millisecond since the job began; null before there is enough data. */
  #averageOf({ done, startedAt }: Task): number | null {
    const ms = startedAt === null ? 0 : this.#msSince(startedAt);
    return done === 0 || ms < WARM_UP_MS ? null : done / ms;
  }
}

/**
 * Estimates the time for `units` of a running leaf at `atMs` after its start; undefined while its rate is not known. The range lies between the
 * current and the average rate, with a margin that shrinks the longer the leaf has been observed. If a leaf is silent
 * for longer than usual, its estimated rate falls, because the silence may last as long again.
 */
function runningLeaf({ rateEstimate, done }: LeafTask, units: number, atMs: number): RunningLeaf | undefined {
  const rate = rateEstimate && rateUnlessStalled(rateEstimate, atMs);
  if (rate === null) return undefined;
  const [quietMs, overdue] = [Math.max(0, atMs - rateEstimate!.spanMs), overdueMs(rateEstimate!, atMs)];
  const current = rate / 1_000;
  const average = done / Math.max(rateEstimate!.spanMs, WARM_UP_MS);
  const margin = MARGIN + (MARGIN_AT_FIRST - MARGIN) * Math.exp(-rateEstimate!.spanMs / SMOOTHING_MS);
  const speed = {
    earliest: Math.max(current, average) / (1 - margin),
    likely: current / (1 + overdue / SMOOTHING_MS),
    latest:
      Math.min(current, average) / (1 + margin) / (1 + quietMs / Math.max(SMOOTHING_MS, rateEstimate!.gapMs)),
  };
  const left = {
    earliest: Math.max(0, units / speed.earliest - quietMs),
    likely: Math.max(0, units / speed.likely - (quietMs - overdue)),
    latest: units / speed.latest,
  };
  return { remaining: left, speed };
}

function totalOf(speeds: readonly RemainingMs[]): RemainingMs {
  let [earliest, likely, latest] = [0, 0, 0];
  for (const speed of speeds) {
    earliest += speed.earliest;
    likely += speed.likely;
    latest += speed.latest;
  }
  return { earliest, likely, latest };
}

/** The number of sub-tasks that are certain to run, even if DYNAMIC iterations end early. */
function certainSubTasks({ mode, begunIterations, template }: IterativeTask): number {
  return mode === "DYNAMIC" ? begunIterations * template.length : Infinity;
}

const ALL = (): boolean => true;

const NOTHING_LEFT: RemainingMs = { earliest: 0, likely: 0, latest: 0 };

/** By how much a leaf may be faster or slower than observed: after long observation, and at first. */
const MARGIN = 0.1;
const MARGIN_AT_FIRST = 0.5;

/** By how much waiting work may be faster or slower than the observed work. */
const WAITING_WORK_FACTOR = 1.5;

/** How long after its last work a job may end. */
const END_DELAY_MS = 1_000;

/** An estimate above ten years counts as unknown. */
const ETA_MAX_MS = 10 * 365 * 86_400_000;
