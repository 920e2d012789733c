import { describe, expect, it } from "vitest";
import type { EventBatch } from "../../src/hub/event-batch.js";
import { LiveGroup } from "../../src/hub/live-group.js";
import { Throttle } from "../../src/hub/throttle.js";
import { PullQueue } from "../../src/hub/pull-queue.js";
import type { PullResult, PullCursor } from "../../src/hub/pull-cursor.js";
import { PullStream, type StreamSink } from "../../src/hub/pull-stream.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { untilIdle } from "../kit/deterministic/turns.js";

describe("streams that have told all", () => {
  it("are told what comes next together: pulled once, the very same batch", async () => {
    const world = openGroup();
    const [first, second] = [await world.live(), await world.live()];
    const pulls = world.pulls;
    world.happen("a", "b");
    expect([first.taken, second.taken]).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
    expect(first.batches).toEqual(second.batches);
    expect(first.batches[0]).toBe(second.batches[0]);
    expect(world.pulls - pulls).toBe(3); // two values, and nothing
  });

  it("are not looked at for what does not concern them, and pass it with what does", async () => {
    const world = openGroup();
    const outlet = await world.live();
    const pulls = world.pulls;
    world.hide(7);
    await untilIdle();
    expect(world.pulls).toBe(pulls);
    world.happen("a");
    expect(outlet.taken).toEqual(["a"]);
    expect(world.seenHidden).toBe(0);
  });

  it("are told a lot in several batches, in order", async () => {
    const world = openGroup();
    const outlet = await world.live();
    const many = Array.from({ length: 100 }, (_, at) => `${at}`);
    world.happen(...many);
    await untilIdle();
    expect(outlet.taken).toEqual(many);
    expect(outlet.batches.map(({ values }) => values.length)).toEqual([32, 32, 32, 4]);
  });

  it("are all there when one of them comes while others are told", async () => {
    const world = openGroup();
    const first = await world.live();
    const second = new Basin();
    first.onTake = () => {
      first.onTake = () => {};
      world.subscribe(second);
    };
    world.happen("a");
    await untilIdle();
    world.happen("b");
    await untilIdle();
    expect(first.taken).toEqual(["a", "b"]);
    expect(second.taken).toEqual(["a", "b"]); // told from the beginning, by itself, and then with the others
  });
});

describe("a stream that comes to a group", () => {
  it("whose members are still to be told waits for them, and is told nothing twice", async () => {
    const world = openGroup();
    const first = await world.live();
    world.note("a");
    const second = await world.live();
    expect([first.taken, second.taken]).toEqual([[], ["a"]]);
    world.happen("b");
    await untilIdle();
    expect([first.taken, second.taken]).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
  });

  it("gives it what it knows, and is gone on for with the others", async () => {
    const world = openGroup();
    await world.live();
    expect(world.absorbed).toBe(0);
    await world.live();
    expect(world.absorbed).toBe(1);
  });
});

describe("a group with an interval", () => {
  it("that was told a batch when there was more already is told the rest with the next tick", async () => {
    const world = openGroup({ minIntervalMs: 100 });
    const outlet = await world.live();
    world.clock.advance(100);
    world.staleOnce();
    world.happen("a", "b");
    expect(outlet.taken).toEqual(["a"]);
    world.clock.advance(99);
    expect(outlet.taken).toEqual(["a"]);
    world.clock.advance(1);
    expect(outlet.taken).toEqual(["a", "b"]);
  });

  it("that is told late lets an interval pass from then on", async () => {
    const world = openGroup({ minIntervalMs: 100 });
    const outlet = await world.live();
    world.clock.advance(100);
    world.delayTurn();
    world.happen("a");
    world.clock.advance(100);
    await untilIdle();
    world.happen("b");
    await untilIdle();
    expect(outlet.taken).toEqual(["a"]);
    world.clock.advance(100);
    expect(outlet.taken).toEqual(["a", "b"]);
  });
});

describe("a stream that can't take what comes next", () => {
  it("goes on by itself from where it stood, and is live again when it has told all", async () => {
    const world = openGroup();
    const [quick, slow] = [await world.live(), await world.live()];
    slow.room = 0;
    world.happen("a");
    await untilIdle();
    world.happen("b");
    expect([quick.taken, slow.taken]).toEqual([["a", "b"], []]);
    slow.room = Infinity;
    world.resume(slow);
    await untilIdle();
    world.happen("c");
    expect(slow.taken).toEqual(["a", "b", "c"]);
    expect(slow.batches.at(-1)).toBe(quick.batches.at(-1));
  });

  it("takes of a batch what it can, and is told the rest by itself", async () => {
    const world = openGroup();
    const [quick, slow] = [await world.live(), await world.live()];
    slow.room = 2;
    world.happen("a", "b", "c", "d");
    await untilIdle();
    expect([quick.taken.length, slow.taken]).toEqual([4, ["a", "b"]]);
    slow.room = Infinity;
    world.resume(slow);
    await untilIdle();
    expect(slow.taken).toEqual(["a", "b", "c", "d"]);
  });

  it("goes on at once where it has room by then", async () => {
    const world = openGroup();
    const outlet = await world.live();
    outlet.room = 1;
    outlet.onTake = () => (outlet.room = Infinity);
    world.happen("a", "b", "c");
    await untilIdle();
    expect(outlet.taken).toEqual(["a", "b", "c"]);
  });

  it("keeps nobody else waiting, though it is the first", async () => {
    const world = openGroup();
    const [stuck, ...others] = [await world.live(), await world.live(), await world.live()];
    stuck.room = 0;
    world.happen("a");
    expect(others.map(({ taken }) => taken)).toEqual([["a"], ["a"]]);
  });
});

describe("a stream that ends", () => {
  it("by an error of its outlet ends alone", async () => {
    const world = openGroup();
    const [failing, other] = [await world.live(), await world.live()];
    failing.onTake = () => {
      throw new Error("told to fail");
    };
    world.happen("a");
    world.happen("b");
    expect(failing.failure).toEqual(new Error("told to fail"));
    expect(other.taken).toEqual(["a", "b"]);
  });

  it("while another one is told is told nothing more", async () => {
    const world = openGroup();
    const [first, second] = [await world.live(), await world.live()];
    first.onTake = () => void world.end(second);
    world.happen("a");
    expect([first.taken, second.taken]).toEqual([["a"], []]);
    expect(second.hasEnded).toBe(true);
  });

  it("as the last of its group leaves nothing to be pulled", async () => {
    const world = openGroup();
    const outlet = await world.live();
    world.end(outlet);
    const pulls = world.pulls;
    world.happen("a");
    await untilIdle();
    expect(world.pulls).toBe(pulls);
  });

  it("does so with its source, as all of its group do", async () => {
    const world = openGroup();
    const outlets = [await world.live(), await world.live()];
    world.finish("last");
    expect(outlets.map(({ taken, hasEnded }) => [taken, hasEnded])).toEqual([
      [["last"], true],
      [["last"], true],
    ]);
  });

  it("by an error of the source they share, does so with all of its group", async () => {
    const world = openGroup();
    const outlets = [await world.live(), await world.live()];
    world.break();
    expect(outlets.map(({ failure }) => failure)).toEqual([BROKEN, BROKEN]);
  });
});

/** A group, and what happens to it. */
function openGroup({ minIntervalMs = 0 } = {}) {
  const [clock, queue] = [new ManualClock(), new PullQueue()];
  const pace = new Throttle(minIntervalMs, clock);
  const group = new LiveGroup<string>({ queue, throttle: pace, clock });
  const log: Log = { entries: [], end: "nothing", pulls: 0, seenHidden: 0, absorbed: 0, hasMore: false };
  const streams = new Map<Basin, PullStream<string>>();
  const lease = { value: { group }, isShared: false, release: () => {} };
  const wake = (): void => {
    group.markChanged(log.entries.length + 1);
    pace.wake();
  };
  const world = {
    clock,
    /** Places that others were given for theirs. */
    get absorbed() {
      return log.absorbed;
    },
    get pulls() {
      return log.pulls;
    },
    /** Changes that were looked at though they concern nobody. */
    get seenHidden() {
      return log.seenHidden;
    },
    subscribe(outlet: Basin): void {
      const stream = new PullStream(new Cursor(log), lease, () => {});
      streams.set(outlet, stream);
      stream.pipeTo(outlet);
    },
    /** An outlet that was told all there is. */
    async live(): Promise<Basin> {
      const outlet = new Basin();
      world.subscribe(outlet);
      await untilIdle();
      return outlet;
    },
    /** In one turn. */
    happen(...names: string[]): void {
      world.note(...names);
      pace.wake();
    },
    /** What has happened before the turn in which it is told. */
    note(...names: string[]): void {
      for (const name of names) {
        log.entries.push(name);
        group.markChanged(log.entries.length);
      }
    },
    /** The next batch ends with its first value, though there is more. */
    staleOnce(): void {
      log.hasMore = true;
    },
    /** Somebody else has the queue's turn first. */
    delayTurn(): void {
      queue.pullLater({ pull: () => {} });
    },
    hide(count: number): void {
      log.entries.push(...Array<typeof HIDDEN>(count).fill(HIDDEN));
    },
    finish(name: string): void {
      log.end = "ended";
      world.happen(name);
    },
    break(): void {
      log.end = BROKEN;
      wake();
    },
    resume: (outlet: Basin) => streams.get(outlet)!.resume(),
    end: (outlet: Basin) => void streams.get(outlet)!.return(),
  };
  return world;
}

const HIDDEN = 0;
const BROKEN = new Error("told to break");

interface Log {
  readonly entries: (string | typeof HIDDEN)[];
  end: "nothing" | "ended" | Error;
  pulls: number;
  seenHidden: number;
  absorbed: number;
  hasMore: boolean;
}

/** A place in a log; entry n is of revision n, from 1. */
class Cursor implements PullCursor<string> {
  readonly #log: Log;
  #told: number;

  constructor(log: Log, told = 0) {
    this.#log = log;
    this.#told = told;
  }

  pull(): PullResult<string> {
    this.#log.pulls++;
    for (;;) {
      const entry = this.#log.entries[this.#told];
      if (entry === undefined) break;
      this.#told++;
      if (entry !== HIDDEN) return this.#valueOf(entry);
      this.#log.seenHidden++;
    }
    if (this.#log.end instanceof Error) throw this.#log.end;
    return this.#log.end;
  }

  #valueOf(value: string): PullResult<string> {
    const { hasMore, entries } = this.#log;
    this.#log.hasMore = false;
    return { value, endsBatch: hasMore || this.#told === entries.length, hasMore };
  }

  fork(): Cursor {
    return new Cursor(this.#log, this.#told);
  }

  skipHidden(before: number): void {
    this.#told = Math.min(before - 1, this.#log.entries.length);
  }

  merge(): void {
    this.#log.absorbed++;
  }
}

/** An outlet that keeps what it is given, as long as it has room. */
class Basin implements StreamSink<string> {
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
