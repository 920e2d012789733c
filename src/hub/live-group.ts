import type { Clock, Timer } from "../util/clock.js";
import type { Throttle, Throttled } from "./throttle.js";
import type { Puller, PullQueue } from "./pull-queue.js";
import type { PullCursor } from "./pull-cursor.js";

/** Values that are delivered together, with memoized results that all their subscribers share. */
export class EventBatch<T> {
  readonly values: readonly T[];
  /** Whether it is for one subscriber, which is behind, and not for a group. */
  readonly isForOne: boolean;
  #memo: Map<unknown, unknown> | undefined;

  constructor(values: readonly T[], { isForOne = false } = {}) {
    this.values = values;
    this.isForOne = isForOne;
  }

  /** Calls `make` once per `key`, which also determines the type of the result. */
  memoize<R>(key: unknown, make: (batch: this) => R): R {
    const memo = (this.#memo ??= new Map());
    let result = memo.get(key) as R | undefined; // safe: `key` determines R
    if (result === undefined) memo.set(key, (result = make(this)));
    return result;
  }
}

/** The part of a stream that its group uses. */
export interface GroupMember<T> {
  /** Offers the next values. Returns how many the stream took. */
  deliver(batch: EventBatch<T>): number;
  /** Called when the stream was removed because it could not take a value. It continues on its own from `cursor`. */
  continueAlone(cursor: PullCursor<T>): void;
  /** Resumes a stream that waited for the group. */
  wake(): void;
  end(): void;
  fail(error: unknown): void;
}

export interface LiveGroupOptions {
  readonly queue: PullQueue;
  readonly throttle: Throttle;
  readonly clock: Clock;
}

/**
 * The streams that have caught up and wait for the same changes. They share one cursor, so the group pulls each value
 * once and delivers it to all members. A member that can't take a value continues on its own from the first value
 * that it missed, and rejoins once it has caught up.
 *
 *               caught up, and the group has too
 *     behind ──────────────────────────────────────► live ──┐
 *       ▲  (pulls alone)             (in this group) │  ▲   │ delivered the next value
 *       └────────────────────────────────────────────┘  └───┘
 *               can't take the next value
 *
 * A change that the filter hides costs nothing: the cursor skips hidden changes at the next change that matches, or
 * at the next `refresh`.
 */
export class LiveGroup<T> implements Puller, Throttled {
  readonly #queue: PullQueue;
  readonly #throttle: Throttle;
  readonly #clock: Clock;
  readonly #members = new Set<GroupMember<T>>();
  /** Streams to wake when this group has caught up. */
  readonly #waiting = new Set<GroupMember<T>>();
  /** The cursor of all members; undefined while there are none. */
  #cursor: PullCursor<T> | undefined;
  /** Whether there may be values that the members have not received. */
  #isDue = false;
  #refreshTimer: Timer | undefined;

  constructor({ queue, throttle, clock }: LiveGroupOptions) {
    this.#queue = queue;
    this.#throttle = throttle;
    this.#clock = clock;
  }

  get queue(): PullQueue {
    return this.#queue;
  }

  get throttle(): Throttle {
    return this.#throttle;
  }

  /** Marks the group as behind, because the change with this revision matches the filter. */
  markChanged(revision: number): void {
    this.#throttle.markDue(this);
    if (this.#isDue) return;
    this.#isDue = true;
    this.#cursor?.skipHidden(revision);
  }

  /** Marks the group as behind, because any change may match: the store has loaded its jobs again. */
  reread(): void {
    this.#throttle.markDue(this);
    this.#isDue = true;
    this.#throttle.wake();
  }

  /** Pulls even though no change matched, because a bookmark may be due. */
  refresh(): void {
    this.markChanged(Infinity);
    this.#throttle.wake();
  }

  /**
   * Adds a stream that has caught up, and merges its `cursor`. Returns false while the group itself is behind: the
   * stream then waits to be woken.
   * @param pullAgainInMs when to pull again without a change.
   */
  join(stream: GroupMember<T>, cursor: PullCursor<T>, pullAgainInMs?: number): boolean {
    if (this.#isDue) {
      this.#waiting.add(stream);
      return false;
    }
    this.#members.add(stream);
    if (this.#cursor) this.#cursor.merge(cursor);
    else this.#cursor = cursor;
    if (pullAgainInMs !== undefined) this.#scheduleRefresh(pullAgainInMs);
    return true;
  }

  /** Wakes `stream` at the next tick, because new values arrived while it delivered a batch. */
  wakeOnNextTick(stream: GroupMember<T>): void {
    this.#waiting.add(stream);
    this.markChanged(Infinity);
  }

  leave(stream: GroupMember<T>): void {
    this.#waiting.delete(stream);
    this.#members.delete(stream);
    if (this.#members.size === 0) this.#cursor = undefined;
  }

  /** Call it once no stream can join anymore. */
  close(): void {
    this.#refreshTimer?.cancel();
    this.#queue.delete(this);
  }

  wake(): void {
    this.#queue.pullSoon(this);
  }

  /** Called by the queue. Delivers the available values as one batch, up to a bound. */
  pull(): void {
    if (!this.#cursor) return this.#becomeIdle();
    try {
      const { values, cursors, next } = this.#pullBatch(this.#cursor);
      if (values.length > 0) this.#deliver(new EventBatch(values), cursors);
      this.#proceed(next);
    } catch (error) {
      for (const member of this.#members) member.fail(error);
      this.#becomeIdle();
    }
  }

  /** Pulls a bounded number of values, and keeps the cursor before each one. */
  #pullBatch(cursor: PullCursor<T>): { values: T[]; cursors: PullCursor<T>[]; next: BatchOutcome } {
    const [values, cursors]: [T[], PullCursor<T>[]] = [[], []];
    const valuesMax = Math.min(BATCH_VALUES_MAX, Math.ceil(BATCH_DELIVERIES_MAX / this.#members.size));
    while (values.length < valuesMax) {
      const before = cursor.fork();
      const pulled = cursor.pull();
      if (typeof pulled === "string" || "pullAgainInMs" in pulled) return { values, cursors, next: pulled };
      values.push(pulled.value);
      cursors.push(before);
      const { endsBatch, hasMore = false } = pulled;
      if (endsBatch && this.#throttle.hasInterval) return { values, cursors, next: { hasMore } };
    }
    return { values, cursors, next: { pullAgainInMs: 0 } };
  }

  #deliver(batch: EventBatch<T>, cursors: readonly PullCursor<T>[]): void {
    for (const member of this.#members) {
      const firstMissed = cursors[member.deliver(batch)];
      if (firstMissed) this.#detach(member, firstMissed);
    }
  }

  #detach(member: GroupMember<T>, cursor: PullCursor<T>): void {
    this.leave(member);
    member.continueAlone(cursor.fork());
  }

  #proceed(next: BatchOutcome): void {
    if (next === "nothing") return this.#becomeIdle();
    if (next === "ended") return this.#end();
    if ("pullAgainInMs" in next) return this.#pullAgainIn(next.pullAgainInMs);
    this.#throttle.batchDelivered();
    if (next.hasMore) this.#throttle.markDue(this);
    else this.#becomeIdle();
  }

  #becomeIdle(): void {
    this.#isDue = false;
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const stream of waiting) stream.wake();
  }

  #end(): void {
    for (const member of this.#members) member.end();
    this.#becomeIdle();
  }

  #pullAgainIn(ms: number): void {
    if (ms === 0) return this.#queue.pullLater(this);
    this.#scheduleRefresh(ms);
    this.#becomeIdle();
  }

  #scheduleRefresh(ms: number): void {
    this.#refreshTimer ??= this.#clock.schedule(ms, () => {
      this.#refreshTimer = undefined;
      this.refresh();
    });
  }
}

/** What follows a batch: nothing, the end, another pull, or the pause of an interval. */
type BatchOutcome = "nothing" | "ended" | { readonly pullAgainInMs: number } | { readonly hasMore: boolean };

/** Bounds the memory that one batch holds. */
const BATCH_VALUES_MAX = 32;
/** Bounds the time of one batch: this many deliveries take a few milliseconds. */
const BATCH_DELIVERIES_MAX = 50_000;
