import { describe, expect, it, vi } from "vitest";
import { Throttle } from "../../src/hub/throttle.js";
import { PullQueue } from "../../src/hub/pull-queue.js";
import type { EventBatch } from "../../src/hub/event-batch.js";
import { LiveGroup } from "../../src/hub/live-group.js";
import type { PullResult, PullCursor } from "../../src/hub/pull-cursor.js";
import { PullStream, type StreamSink } from "../../src/hub/pull-stream.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { untilIdle } from "../kit/deterministic/turns.js";

describe("a pull stream", () => {
  it("gives what its source has, in order", async () => {
    const { stream } = streamOf("a", "b");
    expect(await stream.next()).toEqual({ done: false, value: "a" });
    expect(await stream.next()).toEqual({ done: false, value: "b" });
  });

  it("pulls nothing while nobody asks", async () => {
    const { stream, source, changed } = streamOf("a", "b");
    changed();
    await untilIdle();
    expect(source.pulls).toBe(0);
    await stream.next();
    changed();
    await untilIdle();
    expect(source.pulls).toBe(1);
  });

  it("waits while there is nothing, and goes on when it is woken", async () => {
    const { stream, source, changed } = streamOf();
    const told = vi.fn<(result: unknown) => void>();
    const next = stream.next().then(told);
    await untilIdle();
    expect(told).not.toHaveBeenCalled();
    source.put("a");
    await untilIdle();
    expect(told).not.toHaveBeenCalled();
    changed();
    await next;
    expect(told).toHaveBeenCalledWith({ done: false, value: "a" });
  });

  it("waits on when it is woken for nothing", async () => {
    const { stream, source, changed } = streamOf();
    const told = vi.fn<(result: unknown) => void>();
    const next = stream.next().then(told);
    await untilIdle();
    changed();
    await untilIdle();
    expect(told).not.toHaveBeenCalled();
    source.put("a");
    changed();
    await next;
    expect(source.pulls).toBe(4);
  });

  it("is woken once by many wakes, and misses none that comes while nobody asks", async () => {
    const { stream, source, changed } = streamOf("a");
    await stream.next();
    const next = stream.next();
    await untilIdle();
    source.put("b");
    changed(100);
    expect(await next).toEqual({ done: false, value: "b" });
    await untilIdle();
    expect(source.pulls).toBe(4);
    source.put("c");
    changed();
    await untilIdle();
    expect(await stream.next()).toEqual({ done: false, value: "c" });
  });

  it("gives what the reader makes of a value, made in the turn in which it is pulled", async () => {
    const { stream, source } = streamOf("a");
    const pulls: number[] = [];
    const result = await stream.take((value) => {
      pulls.push(source.pulls);
      return value.toUpperCase();
    });
    expect(result).toEqual({ done: false, value: "A" });
    expect(pulls).toEqual([1]);
  });

  it("pulls nothing that its outlet does not admit, until it is resumed", async () => {
    const { stream, source, changed } = streamOf("a");
    const outlet = new Basin();
    outlet.isFull = true;
    stream.pipeTo(outlet);
    changed();
    await untilIdle();
    expect(source.pulls).toBe(0);
    outlet.isFull = false;
    stream.resume();
    expect(outlet.taken).toEqual(["a"]);
  });

  it("pours all that there is into its outlet, and then what comes", async () => {
    const { stream, source, changed } = streamOf("a", "b", "c");
    const outlet = new Basin();
    stream.pipeTo(outlet);
    await untilIdle();
    expect(outlet.taken).toEqual(["a", "b", "c"]);
    source.put("d");
    changed();
    await untilIdle();
    expect(outlet.taken).toEqual(["a", "b", "c", "d"]);
  });

  it("has one reader at a time", () => {
    const { stream } = streamOf();
    stream.pipeTo(new Basin());
    expect(() => stream.pipeTo(new Basin())).toThrow("one reader at a time");
  });

  it("has told all once it was woken for nothing, and is not woken by being resumed", async () => {
    const { stream, source, changed } = streamOf();
    const next = stream.next();
    await untilIdle();
    source.put("a");
    stream.resume();
    await untilIdle();
    expect(source.pulls).toBe(1);
    changed();
    expect(await next).toEqual({ done: false, value: "a" });
  });

  it("asks again in the next turn where its source wants that", async () => {
    const { stream, source } = streamOf();
    source.end = { pullAgainInMs: 0 };
    const next = stream.next();
    expect(source.pulls).toBe(1);
    source.put("a");
    expect(await next).toEqual({ done: false, value: "a" });
    expect(source.pulls).toBe(2);
  });

  it("asks again after the time that its source names, once, and leaves no timer behind", async () => {
    const { stream, source, clock, changed } = streamOf();
    source.end = { pullAgainInMs: 100 };
    const next = stream.next();
    changed(100);
    expect(clock.timerCount).toBe(1);
    source.put("a");
    clock.advance(100);
    expect(await next).toEqual({ done: false, value: "a" });
    source.end = { pullAgainInMs: 100 };
    void stream.next();
    expect(clock.timerCount).toBe(1);
    await stream.return();
    expect(clock.timerCount).toBe(0);
  });
});

describe("the end of a pull stream", () => {
  it("comes when its source has ended", async () => {
    const { stream, source, onEnd } = streamOf("a");
    source.end = "ended";
    expect(await stream.next()).toEqual({ done: false, value: "a" });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it("comes at once by return, also to a next that waits", async () => {
    const { stream, onEnd } = streamOf();
    const waiting = stream.next();
    await untilIdle();
    expect(await stream.return()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it("comes at once by return, also to a next whose turn has not come", async () => {
    const { stream, source } = streamOf();
    source.end = { pullAgainInMs: 0 };
    const waiting = stream.next();
    await stream.return();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await untilIdle();
    expect(source.pulls).toBe(1);
  });

  it("is told once, however often it is returned", async () => {
    const { stream, onEnd } = streamOf("a");
    await stream.return();
    await stream.return();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it("comes by an error of its source, which its reader gets once", async () => {
    const failure = new Error("told to fail");
    const { stream, source, onEnd } = streamOf("a");
    source.end = failure;
    await stream.next();
    await expect(stream.next()).rejects.toBe(failure);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it("comes when its reader leaves a for-await", async () => {
    const { stream, onEnd } = streamOf("a", "b");
    expect(await firstOf(stream)).toBe("a");
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it("comes by an error of what its reader makes of a value", async () => {
    const failure = new Error("told to fail");
    const { stream, onEnd } = streamOf("a", "b");
    const fail = (): never => {
      throw failure;
    };
    await expect(stream.take(fail)).rejects.toBe(failure);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it("makes a wake harmless", async () => {
    const { stream, source, changed } = streamOf();
    await stream.return();
    changed();
    await untilIdle();
    expect(source.pulls).toBe(0);
  });
});

describe("a pull stream with a minimal interval", () => {
  it("gives the first batch at once, and what comes then after the interval", async () => {
    const { stream, source, clock, changed } = streamWith({ minIntervalMs: 100 }, "a", "b");
    expect(await take(stream, 2)).toEqual(["a", "b"]);
    const told = vi.fn<(result: unknown) => void>();
    const next = stream.next().then(told);
    await untilIdle();
    source.put("c");
    changed();
    clock.advance(99);
    await untilIdle();
    expect(told).not.toHaveBeenCalled();
    clock.advance(1);
    await next;
    expect(told).toHaveBeenCalledWith({ done: false, value: "c" });
  });

  it("gives at once what comes when the interval is over", async () => {
    const { stream, source, clock, changed } = streamWith({ minIntervalMs: 100 }, "a");
    await stream.next();
    const next = stream.next();
    await untilIdle();
    clock.advance(100);
    source.put("b");
    changed();
    expect(await next).toEqual({ done: false, value: "b" });
  });

  it("that was told a batch when there was more already is told the rest with the next tick", async () => {
    const { stream, source, clock } = streamWith({ minIntervalMs: 100 }, "a", "b");
    source.staleAt = 1;
    expect(await stream.next()).toEqual({ done: false, value: "a" });
    const told = vi.fn<(result: unknown) => void>();
    const next = stream.next().then(told);
    await untilIdle();
    clock.advance(99);
    await untilIdle();
    expect(told).not.toHaveBeenCalled();
    clock.advance(1);
    await next;
    expect(told).toHaveBeenCalledWith({ done: false, value: "b" });
  });

  it("pulls once for all wakes within the interval", async () => {
    const { stream, source, clock, changed } = streamWith({ minIntervalMs: 100 }, "a");
    await stream.next();
    const next = stream.next();
    await untilIdle();
    source.put("b");
    changed(100);
    clock.advance(100);
    await next;
    expect(source.pulls).toBe(2);
  });

  it("misses no tick that comes while nobody asks", async () => {
    const { stream, source, clock, changed } = streamWith({ minIntervalMs: 100 }, "a");
    await stream.next();
    source.put("b");
    changed();
    clock.advance(100);
    await untilIdle();
    expect(await stream.next()).toEqual({ done: false, value: "b" });
  });

  it("ends at once by return while it rests, and leaves no timer behind", async () => {
    const { stream, source, clock, changed } = streamWith({ minIntervalMs: 100 }, "a");
    await stream.next();
    const next = stream.next();
    await untilIdle();
    source.put("b");
    changed();
    await untilIdle();
    expect(clock.timerCount).toBe(1);
    await stream.return();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(clock.timerCount).toBe(0);
  });

  it("is not silenced for longer by a clock that is set back", async () => {
    const { stream, source, clock, changed } = streamWith({ minIntervalMs: 100 }, "a");
    await stream.next();
    const told = vi.fn<(result: unknown) => void>();
    const next = stream.next().then(told);
    await untilIdle();
    clock.setBack(3_600_000);
    source.put("b");
    changed();
    await untilIdle();
    clock.advance(100);
    await untilIdle();
    expect(told).toHaveBeenCalledOnce();
    await next;
  });

  it("of 0 holds nothing back, and sets no timer", async () => {
    const { stream, source, clock, changed } = streamOf("a");
    await stream.next();
    const next = stream.next();
    await untilIdle();
    source.put("b");
    changed();
    expect(await next).toEqual({ done: false, value: "b" });
    expect(clock.timerCount).toBe(0);
  });
});

/** What a test fills, and a place in it. */
class Source implements PullCursor<string> {
  readonly #script: Script;
  #at: number;

  constructor(script: Script, at = 0) {
    this.#script = script;
    this.#at = at;
  }

  pull(): PullResult<string> {
    const { values, end } = this.#script;
    this.#script.pulls++;
    const value = values[this.#at];
    if (value !== undefined) {
      const hasMore = ++this.#at === this.#script.staleAt;
      return { value, endsBatch: hasMore || this.#at === values.length, hasMore };
    }
    if (end instanceof Error) throw end;
    return end;
  }

  fork(): Source {
    return new Source(this.#script, this.#at);
  }

  skipHidden(): void {}

  merge(): void {}
}

/** What is told, and what comes after that. */
class Script {
  pulls = 0;
  readonly values: string[];
  end: PullResult<string> | Error = "nothing";
  /** After so many a batch ends though there is more. */
  staleAt: number | undefined;

  constructor(values: readonly string[]) {
    this.values = [...values];
  }

  put(value: string): void {
    this.values.push(value);
  }
}

/** An outlet that keeps what it is given. */
class Basin implements StreamSink<string> {
  isFull = false;
  readonly taken: string[] = [];

  canAccept(): boolean {
    return !this.isFull;
  }

  accept({ values }: EventBatch<string>): number {
    return this.taken.push(...values) && values.length;
  }

  end(): void {}

  fail(): void {}
}

function streamOf(...values: readonly string[]): ReturnType<typeof streamWith> {
  return streamWith({ minIntervalMs: 0 }, ...values);
}

function streamWith(
  { minIntervalMs }: { minIntervalMs: number },
  ...values: readonly string[]
): {
  stream: PullStream<string>;
  source: Script;
  clock: ManualClock;
  onEnd: ReturnType<typeof vi.fn<() => void>>;
  /** Something happened that concerns the stream, so often in one turn. */
  changed(times?: number): void;
} {
  const [source, clock, onEnd] = [new Script(values), new ManualClock(1_000_000), vi.fn<() => void>()];
  const pace = new Throttle(minIntervalMs, clock);
  const group = new LiveGroup<string>({ queue: new PullQueue(), throttle: pace, clock });
  const release = (): void => {
    group.close();
    pace.close();
  };
  const lease = { value: { group }, isShared: false, release };
  const stream = new PullStream(new Source(source), lease, onEnd);
  const changed = (times = 1): void => {
    for (let time = 0; time < times; time++) group.markChanged(Infinity);
    pace.wake();
  };
  return { stream, source, clock, onEnd, changed };
}

async function take(stream: PullStream<string>, count: number): Promise<unknown[]> {
  const values: unknown[] = [];
  while (values.length < count) values.push((await stream.next()).value);
  return values;
}

async function firstOf(stream: PullStream<string>): Promise<string | undefined> {
  for await (const value of stream) return value;
  return undefined;
}
