import { expiresAt, type Retention } from "../tasks/retention.js";
import { endOf, type Removal, type UserTask } from "../tasks/user-task.js";
import { Heap, type HeapItem } from "../util/heap.js";

/**
 * The jobs of a database that have ended, in the order of their ends, so that nobody looks through all jobs
 * for those that are to go. A job that is LOST counts as ended when it was last heard of.
 *
 * A clock may be set back, and a journal loads in any order: so a heap rather than a list. What FAILED has one
 * of its own, as it stays for another time: within each, whoever ended first expires first.
 */
export class EndedJobs {
  readonly #failed = new Heap<EndedJob>(isBefore);
  readonly #others = new Heap<EndedJob>(isBefore);

  /**
   * Puts what `state` says about a job in the place of what was known of it.
   * @param before what this gave back for the job's state before
   * @param storedRevision of the job's latest store; of a removal, any
   */
  replace(
    before: EndedJob | undefined,
    state: UserTask | Removal,
    storedRevision: number,
  ): EndedJob | undefined {
    if (before) this.#heapOf(before.userTask).remove(before);
    const endedAt = state.kind === "userTask" ? endOf(state) : null;
    if (state.kind !== "userTask" || endedAt === null) return undefined;
    const after: EndedJob = { userTask: state, endedAt, storedRevision, heapIndex: 0 };
    this.#heapOf(state).add(after);
    return after;
  }

  /** Those that ended longest ago first; of several at one instant, the oldest store. Not to be held across a change. */
  oldestFirst(): Generator<EndedJob, undefined> {
    return merged(this.#failed.ascending(), this.#others.ascending());
  }

  /** Those whose retention is over at the instant `now`, in the same order. Not to be held across a change. */
  expired(retention: Retention, now: number): Generator<EndedJob, undefined> {
    const isDue = ({ userTask }: EndedJob): boolean => (expiresAt(userTask, retention) ?? Infinity) <= now;
    return merged(takeWhile(this.#failed.ascending(), isDue), takeWhile(this.#others.ascending(), isDue));
  }

  /** When the next one expires, milliseconds since 1970; Infinity when none has ended. */
  nextExpiresAt(retention: Retention): number {
    const firsts = [this.#failed.first, this.#others.first];
    return Math.min(...firsts.map((first) => (first && expiresAt(first.userTask, retention)) ?? Infinity));
  }

  #heapOf({ task }: UserTask): Heap<EndedJob> {
    return task.status === "FAILED" ? this.#failed : this.#others;
  }
}

export interface EndedJob extends HeapItem {
  readonly userTask: UserTask;
  readonly endedAt: number;
  readonly storedRevision: number;
}

/** The order of the ends; no two jobs have one store. */
export function isBefore(a: EndedJob, b: EndedJob): boolean {
  return a.endedAt === b.endedAt ? a.storedRevision < b.storedRevision : a.endedAt < b.endedAt;
}

function* takeWhile<T>(things: Iterable<T>, isWanted: (thing: T) => boolean): Generator<T, undefined> {
  for (const thing of things) {
    if (!isWanted(thing)) return undefined;
    yield thing;
  }
  return undefined;
}

function* merged(
  left: Iterator<EndedJob, undefined>,
  right: Iterator<EndedJob, undefined>,
): Generator<EndedJob, undefined> {
  let [a, b] = [left.next().value, right.next().value];
  while (a || b) {
    if (a && (!b || isBefore(a, b))) {
      yield a;
      a = left.next().value;
    } else {
      yield b!;
      b = right.next().value;
    }
  }
  return undefined;
}
