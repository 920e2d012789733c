import type { Clock, Timer } from "../util/clock.js";
import type { Pace, Paced } from "./pace.js";
import type { Puller, PullQueue } from "./pull-queue.js";
import type { Pulled, PullSource } from "./pull-source.js";
import type { PullStream } from "./pull-stream.js";

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
  readonly #members = new Set<PullStream<T>>();
  /** Streams that are to pull for themselves when this group has had its turn. */
  readonly #waiting = new Set<PullStream<T>>();
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
  join(stream: PullStream<T>, source: PullSource<T>, askAgainInMs?: number): boolean {
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
  wakeWithNextTick(stream: PullStream<T>): void {
    this.#waiting.add(stream);
    this.changed(Infinity);
  }

  /** A stream has ended. */
  leave(stream: PullStream<T>): void {
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

  /** To be called by the queue, when it is this group's turn. */
  pull(): void {
    const source = this.#source;
    if (!source) return this.#rest();
    try {
      const before = source.fork();
      this.#tell(source.pull(), before);
    } catch (error) {
      for (const member of this.#members) member.fail(error);
      this.#rest();
    }
  }

  #tell(pulled: Pulled<T>, before: PullSource<T>): void {
    if (pulled === "nothing") return this.#rest();
    if (pulled === "ended") return this.#end();
    if ("askAgainInMs" in pulled) return this.#askAgainIn(pulled.askAgainInMs);
    for (const member of this.#members) {
      if (member.canTake) member.tell(pulled.value);
      else this.#letGo(member, before);
    }
    if (!pulled.endsBatch || !this.#pace.hasInterval) return this.#queue.pullLater(this);
    this.#pace.batchEnded();
    if (pulled.isStale) this.#pace.due(this);
    else this.#rest();
  }

  #letGo(member: PullStream<T>, source: PullSource<T>): void {
    this.leave(member);
    member.goOnFrom(source.fork());
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
    for (const member of this.#members) void member.return();
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
