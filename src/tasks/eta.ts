import { overdueMs, rateUnlessStalled, SMOOTHING_MS, WARM_UP_MS } from "./rate-estimate.js";
import type { IterativeTask, LeafTask, Task } from "./task.js";
import type { UserTask } from "./user-task.js";

/** When a job may end, milliseconds since 1970. */
export interface Eta {
  readonly earliest: number;
  readonly likely: number;
  readonly latest: number;
}

/**
 * When the job may end, from the parts of it that are known: a range that is wider the less is known and the longer
 * nobody reports, never before `now`; null while nothing can be said, and for a job that is LOST.
 *
 * What runs has its own pace and goes on side by side. What has not begun is done after it by those who then are
 * free, as fast as they go now, or as the job went on the whole. What is unknown may take as long as all that is
 * known, each time. Only what runs is entered, so a tree costs what is beside and above its running leaves.
 */
export function etaOf({ task, health, reportedAt }: UserTask, now: number): Eta | null {
  if (task.status !== "RUNNING" || health === "LOST") return null;
  const outlook = new EtaEstimator(now);
  outlook.addTask(task);
  const left = outlook.remainingOf(task);
  if (left === null || left.likely > HORIZON_MS) return null;
  const silenceMs = Math.max(0, now - reportedAt);
  const latest = left.latest * (1 + task.unknownCount) + silenceMs + MOMENT_MS;
  return {
    earliest: now + Math.floor(Math.min(left.earliest, left.likely)),
    likely: now + Math.round(left.likely),
    latest: now + Math.ceil(Math.min(Math.max(latest, left.likely), 2 * HORIZON_MS)),
  };
}

/** The same in milliseconds from now. */
type RemainingMs = Eta;

/** What a running leaf may still take, and how many units a millisecond it does. */
interface RunningLeaf {
  readonly remaining: RemainingMs;
  readonly speed: RemainingMs;
}

/** What there is to do, gathered from a tree. */
class EtaEstimator {
  readonly #now: number;
  readonly #running: RunningLeaf[] = [];
  /** Units that nobody works on, or of whose pace nothing is known yet. */
  #waiting = 0;
  /** Those of them that an early end leaves out. */
  #skippable = 0;

  constructor(now: number) {
    this.#now = now;
  }

  addTask(task: Task, isSkippable = false): void {
    if (task.status === "PENDING") this.#wait(task.knownVolume, isSkippable);
    if (task.status !== "RUNNING") return;
    if (task.kind === "LEAF") return this.#enterLeaf(task);
    const certain = task.kind === "ITERATIVE" ? certainSubTasks(task) : Infinity;
    task.subTasks.forEach(ALL, (subTask, index) => this.addTask(subTask, isSkippable || index >= certain));
  }

  /** null while nothing can be said. */
  remainingOf(root: Task): RemainingMs | null {
    const isDone = this.#running.length === 0 && this.#waiting === 0;
    if (isDone) return root.unknownCount === 0 ? NOTHING_LEFT : null;
    const average = this.#averageOf(root);
    const speed = totalOf(this.#running.map((leaf) => leaf.speed));
    if (this.#running.length === 0 && average === null) return null;
    return this.#shared(speed, average ?? speed.likely);
  }

  /** What runs comes to its end, and those who are free by then do what waits. */
  #shared(speed: RemainingMs, average: number): RemainingMs {
    const isIdle = this.#running.length === 0;
    const fast = Math.max(speed.earliest, average) * OTHER_WORK;
    const slow = (isIdle ? average : Math.min(speed.latest, average)) / OTHER_WORK;
    return {
      earliest: this.#together("earliest", speed, (this.#waiting - this.#skippable) / fast),
      likely: this.#together("likely", speed, this.#waiting / (isIdle ? average : speed.likely)),
      latest: this.#together("latest", speed, this.#waiting / slow),
    };
  }

  /** Never before the longest of what runs; with `waitingMs` on top if all share it. */
  #together(which: keyof RemainingMs, speed: RemainingMs, waitingMs: number): number {
    let [longest, work] = [0, 0];
    for (const leaf of this.#running) {
      longest = Math.max(longest, leaf.remaining[which]);
      work += leaf.remaining[which] * leaf.speed[which];
    }
    return Math.max(longest, (work === 0 ? 0 : work / speed[which]) + waitingMs);
  }

  #enterLeaf(leaf: LeafTask): void {
    if (leaf.volume === null) return;
    const units = Math.max(0, leaf.volume - leaf.done);
    const running = runningLeaf(leaf, units, this.#now);
    if (running) this.#running.push(running);
    else this.#wait(units, false);
  }

  #wait(units: number, isSkippable: boolean): void {
    this.#waiting += units;
    if (isSkippable) this.#skippable += units;
  }

  /** Units a millisecond since the job began; null before there is enough to say. */
  #averageOf({ done, startedAt }: Task): number | null {
    const ms = this.#now - (startedAt ?? this.#now);
    return done === 0 || ms < WARM_UP_MS ? null : done / ms;
  }
}

/**
 * What `units` of a running leaf may still take; undefined while its pace is not known. Its pace now and its pace on
 * the whole give the range, with a margin that is smaller the longer it has been observed. A leaf that is quiet for
 * longer than usual goes slower the longer that lasts, and may do so for as long again.
 */
function runningLeaf(
  { rateEstimate, startedAt, done }: LeafTask,
  units: number,
  now: number,
): RunningLeaf | undefined {
  const atMs = now - startedAt!;
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

/** How many of the sub-tasks an early end can't leave out any more. */
function certainSubTasks({ mode, begunIterations, template }: IterativeTask): number {
  return mode === "DYNAMIC" ? begunIterations * template.length : Infinity;
}

const ALL = (): boolean => true;

const NOTHING_LEFT: RemainingMs = { earliest: 0, likely: 0, latest: 0 };

/** By how much a leaf may be faster or slower than observed, in the end and at first. */
const MARGIN = 0.1;
const MARGIN_AT_FIRST = 0.5;

/** By how much other work may be faster or slower than that which is observed. */
const OTHER_WORK = 1.5;

/** The end of what is all done may be a moment away. */
const MOMENT_MS = 1_000;

/** What is likely to take longer, ten years, is as good as unknown. */
const HORIZON_MS = 10 * 365 * 86_400_000;
