import type { Clock, Timer } from "../util/clock.js";
import { EventBatch } from "./event-batch.js";
import type { Throttle, Throttled } from "./throttle.js";
import type { Puller, PullQueue } from "./pull-queue.js";
import type { PullCursor } from "./pull-cursor.js";

/** A stream, as its group sees it. */
export interface GroupMember<T> {
  /** Takes what comes next. Returns how many of them it could take. */
  deliver(batch: EventBatch<T>): number;
  /** It can't take what comes next: it goes on by itself. */
  continueAlone(place: PullCursor<T>): void;
  /** It may go on, where it waited. */
  wake(): void;
  /** Nothing will be told any more. */
  end(): void;
  fail(error: unknown): void;
}

export interface LiveGroupOptions {
  readonly queue: PullQueue;
  readonly throttle: Throttle;
  readonly clock: Clock;
}

/**
 * The streams that have told all there is, and wait for the same. They stand at one place, so what comes next
 * is pulled once, and given to each of them. One that can't take it goes on by itself, from where the group
 * stood, and comes back when it has told all again.
 *
 *             told all, and the group has too
 *     behind ─────────────────────────────────► live ──┐
 *       ▲  (pulls for itself)    (in this group) │  ▲   │ told what comes next
 *       └────────────────────────────────────────┘  └───┘
 *             can't take what comes next
 *
 * A group that nothing concerns is not looked at: what was hidden from it is passed when something concerns
 * it again, or by `look`.
 */
export class LiveGroup<T> implements Puller, Throttled {
  readonly #queue: PullQueue;
  readonly #throttle: Throttle;
  readonly #clock: Clock;
  readonly #members = new Set<GroupMember<T>>();
  /** Streams that are to pull for themselves when this group has had its turn. */
  readonly #waiting = new Set<GroupMember<T>>();
  /** Where the members stand; undefined while there are none. */
  #cursor: PullCursor<T> | undefined;
  /** Whether there may be something that the members were not told. */
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

  /** The change with this revision concerns those who are in here. */
  markChanged(revision: number): void {
    this.#throttle.markDue(this);
    if (this.#isDue) return;
    this.#isDue = true;
    this.#cursor?.skipHidden(revision);
  }

  /** There may be something to say of what was hidden up to now. */
  refresh(): void {
    this.markChanged(Infinity);
    this.#throttle.wake();
  }

  /**
   * Takes in a stream that has told all there is, and goes on for it from `source`; false while the group itself
   * has something to tell: then the stream is woken when it has.
   * @param pullAgainInMs when to look again though nothing changes.
   */
  join(stream: GroupMember<T>, source: PullCursor<T>, pullAgainInMs?: number): boolean {
    if (this.#isDue) {
      this.#waiting.add(stream);
      return false;
    }
    this.#members.add(stream);
    if (this.#cursor) this.#cursor.merge(source);
    else this.#cursor = source;
    if (pullAgainInMs !== undefined) this.#scheduleRefresh(pullAgainInMs);
    return true;
  }

  /** Lets a stream rest that was told something when there was more already: it is woken with the next tick. */
  wakeOnNextTick(stream: GroupMember<T>): void {
    this.#waiting.add(stream);
    this.markChanged(Infinity);
  }

  /** A stream has ended. */
  leave(stream: GroupMember<T>): void {
    this.#waiting.delete(stream);
    this.#members.delete(stream);
    if (this.#members.size === 0) this.#cursor = undefined;
  }

  /** To be called when no stream will join any more. */
  close(): void {
    this.#refreshTimer?.cancel();
    this.#queue.delete(this);
  }

  wake(): void {
    this.#queue.pullSoon(this);
  }

  /** To be called by the queue, when it is this group's turn. What is there is told together, up to a bound. */
  pull(): void {
    if (!this.#cursor) return this.#becomeIdle();
    try {
      const { values, places, next } = this.#pullBatch(this.#cursor);
      if (values.length > 0) this.#deliver(new EventBatch(values), places);
      this.#proceed(next);
    } catch (error) {
      for (const member of this.#members) member.fail(error);
      this.#becomeIdle();
    }
  }

  /** Up to so many values, the place before each, and what came after them. */
  #pullBatch(source: PullCursor<T>): { values: T[]; places: PullCursor<T>[]; next: BatchOutcome } {
    const [values, places]: [T[], PullCursor<T>[]] = [[], []];
    const most = Math.min(BATCH_VALUES_MAX, Math.ceil(BATCH_DELIVERIES_MAX / this.#members.size));
    while (values.length < most) {
      const place = source.fork();
      const pulled = source.pull();
      if (typeof pulled === "string" || "pullAgainInMs" in pulled) return { values, places, next: pulled };
      values.push(pulled.value);
      places.push(place);
      const { endsBatch, hasMore = false } = pulled;
      if (endsBatch && this.#throttle.hasInterval) return { values, places, next: { hasMore } };
    }
    return { values, places, next: { pullAgainInMs: 0 } };
  }

  #deliver(batch: EventBatch<T>, places: readonly PullCursor<T>[]): void {
    for (const member of this.#members) {
      const place = places[member.deliver(batch)];
      if (place) this.#detach(member, place);
    }
  }

  /** It goes on by itself, from where it could not take more. */
  #detach(member: GroupMember<T>, place: PullCursor<T>): void {
    this.leave(member);
    member.continueAlone(place.fork());
  }

  #proceed(next: BatchOutcome): void {
    if (next === "nothing") return this.#becomeIdle();
    if (next === "ended") return this.#end();
    if ("pullAgainInMs" in next) return this.#pullAgainIn(next.pullAgainInMs);
    this.#throttle.batchDelivered();
    if (next.hasMore) this.#throttle.markDue(this);
    else this.#becomeIdle();
  }

  /** All was told. */
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

/** What comes after the values of a batch: more in the next turn, nothing, the end, or the rest after an interval's batch. */
type BatchOutcome = "nothing" | "ended" | { readonly pullAgainInMs: number } | { readonly hasMore: boolean };

/** What is told together, to bound what is held for it. */
const BATCH_VALUES_MAX = 32;
/** Values given to members, which take a few milliseconds together. */
const BATCH_DELIVERIES_MAX = 50_000;
