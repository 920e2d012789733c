import { describe, expect, it } from "vitest";
import { type EventBatch, LiveGroup } from "../../src/hub/live-group.js";
import { Throttle } from "../../src/hub/throttle.js";
import { PullQueue } from "../../src/hub/pull-queue.js";
import type { PullResult, PullCursor } from "../../src/hub/pull-cursor.js";
import { PullStream, type StreamSink } from "../../src/hub/pull-stream.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { untilIdle } from "../kit/deterministic/turns.js";

describe("streams that have caught up", () => {
  it("receive the next values together: pulled once, in the same batch object", async () => {
    const world = openGroup();
    const [first, second] = [await world.openSink(), await world.openSink()];
    const pulls = world.pulls;
    world.append("a", "b");
    expect([first.taken, second.taken]).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
    expect(first.batches).toEqual(second.batches);
    expect(first.batches[0]).toBe(second.batches[0]);
    expect(world.pulls - pulls).toBe(3); // two values, and nothing
  });

  it("pull nothing for hidden changes, and skip them at the next change that matches", async () => {
    const world = openGroup();
    const sink = await world.openSink();
    const pulls = world.pulls;
    world.hide(7);
    await untilIdle();
    expect(world.pulls).toBe(pulls);
    world.append("a");
    expect(sink.taken).toEqual(["a"]);
    expect(world.hiddenRead).toBe(0);
  });

  it("receive many values in several batches, in order", async () => {
    const world = openGroup();
    const sink = await world.openSink();
    const many = Array.from({ length: 100 }, (_, at) => `${at}`);
    world.append(...many);
    await untilIdle();
    expect(sink.taken).toEqual(many);
    expect(sink.batches.map(({ values }) => values.length)).toEqual([32, 32, 32, 4]);
  });

  it("all receive the next value if one of them joined during a delivery", async () => {
    const world = openGroup();
    const first = await world.openSink();
    const second = new BufferSink();
    first.onTake = () => {
      first.onTake = () => {};
      world.subscribe(second);
    };
    world.append("a");
    await untilIdle();
    world.append("b");
    await untilIdle();
    expect(first.taken).toEqual(["a", "b"]);
    expect(second.taken).toEqual(["a", "b"]); // first on its own, then with the group
  });
});

describe("a stream that joins a group", () => {
  it("waits while the group is behind, and receives no value twice", async () => {
    const world = openGroup();
    const first = await world.openSink();
    world.appendWithoutWake("a");
    const second = await world.openSink();
    expect([first.taken, second.taken]).toEqual([[], ["a"]]);
    world.append("b");
    await untilIdle();
    expect([first.taken, second.taken]).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
  });

  it("merges its cursor into the cursor of the group", async () => {
    const world = openGroup();
    await world.openSink();
    expect(world.mergedCursors).toBe(0);
    await world.openSink();
    expect(world.mergedCursors).toBe(1);
  });
});

describe("a group with an interval", () => {
  it("delivers values that arrived during its batch at the next tick", async () => {
    const world = openGroup({ minIntervalMs: 100 });
    const sink = await world.openSink();
    world.clock.advance(100);
    world.endNextBatchEarly();
    world.append("a", "b");
    expect(sink.taken).toEqual(["a"]);
    world.clock.advance(99);
    expect(sink.taken).toEqual(["a"]);
    world.clock.advance(1);
    expect(sink.taken).toEqual(["a", "b"]);
  });

  it("waits a whole interval after a late delivery", async () => {
    const world = openGroup({ minIntervalMs: 100 });
    const sink = await world.openSink();
    world.clock.advance(100);
    world.occupyQueue();
    world.append("a");
    world.clock.advance(100);
    await untilIdle();
    world.append("b");
    await untilIdle();
    expect(sink.taken).toEqual(["a"]);
    world.clock.advance(100);
    expect(sink.taken).toEqual(["a", "b"]);
  });
});

describe("a stream that can't take the next value", () => {
  it("continues on its own from that value, and rejoins once it has caught up", async () => {
    const world = openGroup();
    const [quick, slow] = [await world.openSink(), await world.openSink()];
    slow.room = 0;
    world.append("a");
    await untilIdle();
    world.append("b");
    expect([quick.taken, slow.taken]).toEqual([["a", "b"], []]);
    slow.room = Infinity;
    world.resume(slow);
    await untilIdle();
    world.append("c");
    expect(slow.taken).toEqual(["a", "b", "c"]);
    expect(slow.batches.at(-1)).toBe(quick.batches.at(-1));
  });

  it("takes part of a batch, and pulls the rest on its own", async () => {
    const world = openGroup();
    const [quick, slow] = [await world.openSink(), await world.openSink()];
    slow.room = 2;
    world.append("a", "b", "c", "d");
    await untilIdle();
    expect([quick.taken.length, slow.taken]).toEqual([4, ["a", "b"]]);
    slow.room = Infinity;
    world.resume(slow);
    await untilIdle();
    expect(slow.taken).toEqual(["a", "b", "c", "d"]);
  });

  it("continues at once if it has room by then", async () => {
    const world = openGroup();
    const sink = await world.openSink();
    sink.room = 1;
    sink.onTake = () => (sink.room = Infinity);
    world.append("a", "b", "c");
    await untilIdle();
    expect(sink.taken).toEqual(["a", "b", "c"]);
  });

  it("does not delay the others, even if it is the first", async () => {
    const world = openGroup();
    const [stuck, ...others] = [await world.openSink(), await world.openSink(), await world.openSink()];
    stuck.room = 0;
    world.append("a");
    expect(others.map(({ taken }) => taken)).toEqual([["a"], ["a"]]);
  });
});

describe("a stream that ends", () => {
  it("does not end the others if its sink fails", async () => {
    const world = openGroup();
    const [failing, other] = [await world.openSink(), await world.openSink()];
    failing.onTake = () => {
      throw new Error("broken sink");
    };
    world.append("a");
    world.append("b");
    expect(failing.failure).toEqual(new Error("broken sink"));
    expect(other.taken).toEqual(["a", "b"]);
  });

  it("receives nothing more, even during a delivery", async () => {
    const world = openGroup();
    const [first, second] = [await world.openSink(), await world.openSink()];
    first.onTake = () => void world.end(second);
    world.append("a");
    expect([first.taken, second.taken]).toEqual([["a"], []]);
    expect(second.hasEnded).toBe(true);
  });

  it("leaves nothing to pull if it is the last of its group", async () => {
    const world = openGroup();
    const sink = await world.openSink();
    world.end(sink);
    const pulls = world.pulls;
    world.append("a");
    await untilIdle();
    expect(world.pulls).toBe(pulls);
  });

  it("ends with its whole group when the shared cursor ends", async () => {
    const world = openGroup();
    const sinks = [await world.openSink(), await world.openSink()];
    world.finish("last");
    expect(sinks.map(({ taken, hasEnded }) => [taken, hasEnded])).toEqual([
      [["last"], true],
      [["last"], true],
    ]);
  });

  it("ends with its whole group when the shared cursor fails", async () => {
    const world = openGroup();
    const sinks = [await world.openSink(), await world.openSink()];
    world.failCursor();
    expect(sinks.map(({ failure }) => failure)).toEqual([BROKEN, BROKEN]);
  });
});

/** A group over a log that the test writes. */
function openGroup({ minIntervalMs = 0 } = {}) {
  const [clock, queue] = [new ManualClock(), new PullQueue()];
  const throttle = new Throttle(minIntervalMs, clock);
  const group = new LiveGroup<string>({ queue, throttle, clock });
  const log: Log = { entries: [], end: "nothing", pulls: 0, hiddenRead: 0, mergedCursors: 0, hasMore: false };
  const streams = new Map<BufferSink, PullStream<string>>();
  const groupRef = { value: { group }, isShared: false, release: () => {} };
  const wake = (): void => {
    group.markChanged(log.entries.length + 1);
    throttle.wake();
  };
  const world = {
    clock,
    get mergedCursors() {
      return log.mergedCursors;
    },
    get pulls() {
      return log.pulls;
    },
    /** Hidden changes that a cursor stepped over one by one. */
    get hiddenRead() {
      return log.hiddenRead;
    },
    subscribe(sink: BufferSink): void {
      const stream = new PullStream(new Cursor(log), groupRef, () => {});
      streams.set(sink, stream);
      stream.pipeTo(sink);
    },
    /** Opens a stream that has caught up, and returns its sink. */
    async openSink(): Promise<BufferSink> {
      const sink = new BufferSink();
      world.subscribe(sink);
      await untilIdle();
      return sink;
    },
    /** Appends values and wakes the group. */
    append(...names: string[]): void {
      world.appendWithoutWake(...names);
      throttle.wake();
    },
    /** Appends values without waking the group. */
    appendWithoutWake(...names: string[]): void {
      for (const name of names) {
        log.entries.push(name);
        group.markChanged(log.entries.length);
      }
    },
    /** Makes the next batch end with its first value, although more are available. */
    endNextBatchEarly(): void {
      log.hasMore = true;
    },
    /** Occupies the queue, so that the group has to wait. */
    occupyQueue(): void {
      queue.pullLater({ pull: () => {} });
    },
    hide(count: number): void {
      log.entries.push(...Array<typeof HIDDEN>(count).fill(HIDDEN));
    },
    finish(name: string): void {
      log.end = "ended";
      world.append(name);
    },
    failCursor(): void {
      log.end = BROKEN;
      wake();
    },
    resume: (sink: BufferSink) => streams.get(sink)!.resume(),
    end: (sink: BufferSink) => void streams.get(sink)!.return(),
  };
  return world;
}

const HIDDEN = 0;
const BROKEN = new Error("broken cursor");

interface Log {
  readonly entries: (string | typeof HIDDEN)[];
  end: "nothing" | "ended" | Error;
  pulls: number;
  hiddenRead: number;
  mergedCursors: number;
  hasMore: boolean;
}

/** A cursor over a log, whose entry n has revision n, from 1. */
class Cursor implements PullCursor<string> {
  readonly #log: Log;
  #next: number;

  constructor(log: Log, next = 0) {
    this.#log = log;
    this.#next = next;
  }

  get behind(): number {
    return this.#log.entries.length - this.#next;
  }

  pull(): PullResult<string> {
    this.#log.pulls++;
    for (;;) {
      const entry = this.#log.entries[this.#next];
      if (entry === undefined) break;
      this.#next++;
      if (entry !== HIDDEN) return this.#valueOf(entry);
      this.#log.hiddenRead++;
    }
    if (this.#log.end instanceof Error) throw this.#log.end;
    return this.#log.end;
  }

  #valueOf(value: string): PullResult<string> {
    const { hasMore, entries } = this.#log;
    this.#log.hasMore = false;
    return { value, endsBatch: hasMore || this.#next === entries.length, hasMore };
  }

  fork(): Cursor {
    return new Cursor(this.#log, this.#next);
  }

  skipHidden(before: number): void {
    this.#next = Math.min(before - 1, this.#log.entries.length);
  }

  merge(): void {
    this.#log.mergedCursors++;
  }
}

/** A sink that stores values while it has room. */
class BufferSink implements StreamSink<string> {
  room = Infinity;
  readonly batches: EventBatch<string>[] = [];
  readonly taken: string[] = [];
  failure: unknown;
  hasEnded = false;
  onTake: () => unknown = () => {};

  canAccept(): boolean {
    return this.room > 0;
  }

  accept(batch: EventBatch<string>): number {
    const values = batch.values.slice(0, this.room);
    this.room -= values.length;
    this.batches.push(batch);
    this.onTake();
    this.taken.push(...values);
    return values.length;
  }

  end(): void {
    this.hasEnded = true;
  }

  fail(error: unknown): void {
    this.failure = error;
  }
}
