import type { Clock, Timer } from "../util/clock.js";
import { Batch } from "./batch.js";
import type { Pace, Paced } from "./pace.js";
import type { Puller, PullQueue } from "./pull-queue.js";
import type { PullSource } from "./pull-source.js";

/** A stream, as its group sees it. */
export interface GroupMember<T> {
  /** Takes what comes next. Returns how many of them it could take. */
  tell(batch: Batch<T>): number;
  /** It can't take what comes next: it goes on by itself. */
  goOnFrom(place: PullSource<T>): void;
  /** It may go on, where it waited. */
  wake(): void;
  /** Nothing will be told any more. */
  end(): void;
  fail(error: unknown): void;
}

export interface LiveGroupOptions {
  readonly queue: PullQueue;
  readonly pace: Pace;
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
export class LiveGroup<T> implements Puller, Paced {
  readonly #queue: PullQueue;
  readonly #pace: Pace;
  readonly #clock: Clock;
  readonly #members = new Set<GroupMember<T>>();
  /** Streams that are to pull for themselves when this group has had its turn. */
  readonly #waiting = new Set<GroupMember<T>>();
  /** Where the members stand; undefined while there are none. */
  #source: PullSource<T> | undefined;
  /** Whether there may be something that the members were not told. */
  #isDue = false;
  #reminder: Timer | undefined;

  constructor({ queue, pace, clock }: LiveGroupOptions) {
    this.#queue = queue;
    this.#pace = pace;
    this.#clock = clock;
  }

  get queue(): PullQueue {
    return this.#queue;
  }

  get pace(): Pace {
    return this.#pace;
  }

  /** The change with this revision concerns those who are in here. */
  changed(revision: number): void {
    this.#pace.due(this);
    if (this.#isDue) return;
    this.#isDue = true;
    this.#source?.passHidden(revision);
  }

  /** There may be something to say of what was hidden up to now. */
  look(): void {
    this.changed(Infinity);
    this.#pace.wake();
  }

  /**
   * Takes in a stream that has told all there is, and goes on for it from `source`; false while the group itself
   * has something to tell: then the stream is woken when it has.
   * @param askAgainInMs when to look again though nothing changes.
   */
  join(stream: GroupMember<T>, source: PullSource<T>, askAgainInMs?: number): boolean {
    if (this.#isDue) {
      this.#waiting.add(stream);
      return false;
    }
    this.#members.add(stream);
    if (this.#source) this.#source.absorb(source);
    else this.#source = source;
    if (askAgainInMs !== undefined) this.#remindIn(askAgainInMs);
    return true;
  }

  /** Lets a stream rest that was told something when there was more already: it is woken with the next tick. */
  wakeWithNextTick(stream: GroupMember<T>): void {
    this.#waiting.add(stream);
    this.changed(Infinity);
  }

  /** A stream has ended. */
  leave(stream: GroupMember<T>): void {
    this.#waiting.delete(stream);
    this.#members.delete(stream);
    if (this.#members.size === 0) this.#source = undefined;
  }

  /** To be called when no stream will join any more. */
  close(): void {
    this.#reminder?.cancel();
    this.#queue.delete(this);
  }

  wake(): void {
    this.#queue.pullSoon(this);
  }

  /** To be called by the queue, when it is this group's turn. What is there is told together, up to a bound. */
  pull(): void {
    if (!this.#source) return this.#rest();
    try {
      const { values, places, next } = this.#pullBatch(this.#source);
      if (values.length > 0) this.#tell(new Batch(values), places);
      this.#goOn(next);
    } catch (error) {
      for (const member of this.#members) member.fail(error);
      this.#rest();
    }
  }

  /** Up to so many values, the place before each, and what came after them. */
  #pullBatch(source: PullSource<T>): { values: T[]; places: PullSource<T>[]; next: Next } {
    const [values, places]: [T[], PullSource<T>[]] = [[], []];
    const most = Math.min(VALUES_AT_ONCE, Math.ceil(DELIVERIES_AT_ONCE / this.#members.size));
    while (values.length < most) {
      const place = source.fork();
      const pulled = source.pull();
      if (typeof pulled === "string" || "askAgainInMs" in pulled) return { values, places, next: pulled };
      values.push(pulled.value);
      places.push(place);
      const { endsBatch, isStale = false } = pulled;
      if (endsBatch && this.#pace.hasInterval) return { values, places, next: { isStale } };
    }
    return { values, places, next: { askAgainInMs: 0 } };
  }

  #tell(batch: Batch<T>, places: readonly PullSource<T>[]): void {
    for (const member of this.#members) {
      const place = places[member.tell(batch)];
      if (place) this.#letGo(member, place);
    }
  }

  /** It goes on by itself, from where it could not take more. */
  #letGo(member: GroupMember<T>, place: PullSource<T>): void {
    this.leave(member);
    member.goOnFrom(place.fork());
  }

  #goOn(next: Next): void {
    if (next === "nothing") return this.#rest();
    if (next === "ended") return this.#end();
    if ("askAgainInMs" in next) return this.#askAgainIn(next.askAgainInMs);
    this.#pace.batchEnded();
    if (next.isStale) this.#pace.due(this);
    else this.#rest();
  }

  /** All was told. */
  #rest(): void {
    this.#isDue = false;
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const stream of waiting) stream.wake();
  }

  #end(): void {
    for (const member of this.#members) member.end();
    this.#rest();
  }

  #askAgainIn(ms: number): void {
    if (ms === 0) return this.#queue.pullLater(this);
    this.#remindIn(ms);
    this.#rest();
  }

  #remindIn(ms: number): void {
    this.#reminder ??= this.#clock.schedule(ms, () => {
      this.#reminder = undefined;
      this.look();
    });
  }
}

/** What comes after the values of a batch: more in the next turn, nothing, the end, or the rest after an interval's batch. */
type Next = "nothing" | "ended" | { readonly askAgainInMs: number } | { readonly isStale: boolean };

/** What is told together, to bound what is held for it. */
const VALUES_AT_ONCE = 32;
/** Values given to members, which take a few milliseconds together. */
const DELIVERIES_AT_ONCE = 50_000;
