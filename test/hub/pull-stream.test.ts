import { describe, expect, it, vi } from "vitest";
import { Throttle } from "../../src/hub/throttle.js";
import { PullQueue } from "../../src/hub/pull-queue.js";
import { type EventBatch, LiveGroup } from "../../src/hub/live-group.js";
import type { PullResult, PullCursor } from "../../src/hub/pull-cursor.js";
import { PullStream, type StreamSink } from "../../src/hub/pull-stream.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { untilIdle } from "../kit/deterministic/turns.js";

describe("a pull stream", () => {
  it("yields the values of its cursor in order", async () => {
    const { stream } = streamOf("a", "b");
    expect(await stream.next()).toEqual({ done: false, value: "a" });
    expect(await stream.next()).toEqual({ done: false, value: "b" });
  });

  it("pulls nothing without a reader", async () => {
    const { stream, script, changed } = streamOf("a", "b");
    changed();
    await untilIdle();
    expect(script.pulls).toBe(0);
    await stream.next();
    changed();
    await untilIdle();
    expect(script.pulls).toBe(1);
  });

  it("waits while there is no value, and continues when it is woken", async () => {
    const { stream, script, changed } = streamOf();
    const onResult = vi.fn<(result: unknown) => void>();
    const next = stream.next().then(onResult);
    await untilIdle();
    expect(onResult).not.toHaveBeenCalled();
    script.put("a");
    await untilIdle();
    expect(onResult).not.toHaveBeenCalled();
    changed();
    await next;
    expect(onResult).toHaveBeenCalledWith({ done: false, value: "a" });
  });

  it("keeps waiting when it is woken without a value", async () => {
    const { stream, script, changed } = streamOf();
    const onResult = vi.fn<(result: unknown) => void>();
    const next = stream.next().then(onResult);
    await untilIdle();
    changed();
    await untilIdle();
    expect(onResult).not.toHaveBeenCalled();
    script.put("a");
    changed();
    await next;
    expect(script.pulls).toBe(4);
  });

  it("pulls once for many wakes, and misses no wake between two reads", async () => {
    const { stream, script, changed } = streamOf("a");
    await stream.next();
    const next = stream.next();
    await untilIdle();
    script.put("b");
    changed(100);
    expect(await next).toEqual({ done: false, value: "b" });
    await untilIdle();
    expect(script.pulls).toBe(4);
    script.put("c");
    changed();
    await untilIdle();
    expect(await stream.next()).toEqual({ done: false, value: "c" });
  });

  it("maps a value in the turn in which it was pulled", async () => {
    const { stream, script } = streamOf("a");
    const pulls: number[] = [];
    const result = await stream.take((value) => {
      pulls.push(script.pulls);
      return value.toUpperCase();
    });
    expect(result).toEqual({ done: false, value: "A" });
    expect(pulls).toEqual([1]);
  });

  it("pulls nothing until it is resumed if its sink can't accept a value", async () => {
    const { stream, script, changed } = streamOf("a");
    const sink = new BufferSink();
    sink.isFull = true;
    stream.pipeTo(sink);
    changed();
    await untilIdle();
    expect(script.pulls).toBe(0);
    sink.isFull = false;
    stream.resume();
    expect(sink.taken).toEqual(["a"]);
  });

  it("delivers all values to its sink, then each new one", async () => {
    const { stream, script, changed } = streamOf("a", "b", "c");
    const sink = new BufferSink();
    stream.pipeTo(sink);
    await untilIdle();
    expect(sink.taken).toEqual(["a", "b", "c"]);
    script.put("d");
    changed();
    await untilIdle();
    expect(sink.taken).toEqual(["a", "b", "c", "d"]);
  });

  it("has one reader at a time", () => {
    const { stream } = streamOf();
    stream.pipeTo(new BufferSink());
    expect(() => stream.pipeTo(new BufferSink())).toThrow("one reader at a time");
  });

  it("does not pull on resume once it has caught up", async () => {
    const { stream, script, changed } = streamOf();
    const next = stream.next();
    await untilIdle();
    script.put("a");
    stream.resume();
    await untilIdle();
    expect(script.pulls).toBe(1);
    changed();
    expect(await next).toEqual({ done: false, value: "a" });
  });

  it("pulls again in the next turn if its cursor says so", async () => {
    const { stream, script } = streamOf();
    script.end = { pullAgainInMs: 0 };
    const next = stream.next();
    expect(script.pulls).toBe(1);
    script.put("a");
    expect(await next).toEqual({ done: false, value: "a" });
    expect(script.pulls).toBe(2);
  });

  it("pulls again once after the time that its cursor names, and leaves no timer behind", async () => {
    const { stream, script, clock, changed } = streamOf();
    script.end = { pullAgainInMs: 100 };
    const next = stream.next();
    changed(100);
    expect(clock.timerCount).toBe(1);
    script.put("a");
    clock.advance(100);
    expect(await next).toEqual({ done: false, value: "a" });
    script.end = { pullAgainInMs: 100 };
    void stream.next();
    expect(clock.timerCount).toBe(1);
    await stream.return();
    expect(clock.timerCount).toBe(0);
  });
});

describe("the end of a pull stream", () => {
  it("comes when its cursor has ended", async () => {
    const { stream, script, onEnd } = streamOf("a");
    script.end = "ended";
    expect(await stream.next()).toEqual({ done: false, value: "a" });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it("comes at once by return, even for a pending next", async () => {
    const { stream, onEnd } = streamOf();
    const waiting = stream.next();
    await untilIdle();
    expect(await stream.return()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it("comes at once by return, even for a next that waits for its turn", async () => {
    const { stream, script } = streamOf();
    script.end = { pullAgainInMs: 0 };
    const waiting = stream.next();
    await stream.return();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await untilIdle();
    expect(script.pulls).toBe(1);
  });

  it("is reported once, however often return is called", async () => {
    const { stream, onEnd } = streamOf("a");
    await stream.return();
    await stream.return();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it("comes with an error of its cursor, which its reader receives once", async () => {
    const failure = new Error("broken");
    const { stream, script, onEnd } = streamOf("a");
    script.end = failure;
    await stream.next();
    await expect(stream.next()).rejects.toBe(failure);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it("comes when its reader leaves a for-await loop", async () => {
    const { stream, onEnd } = streamOf("a", "b");
    expect(await firstOf(stream)).toBe("a");
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it("comes with an error of its reader's mapping", async () => {
    const failure = new Error("broken");
    const { stream, onEnd } = streamOf("a", "b");
    const fail = (): never => {
      throw failure;
    };
    await expect(stream.take(fail)).rejects.toBe(failure);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it("makes later wakes harmless", async () => {
    const { stream, script, changed } = streamOf();
    await stream.return();
    changed();
    await untilIdle();
    expect(script.pulls).toBe(0);
  });
});

describe("a pull stream with a minimal interval", () => {
  it("yields the first batch at once, and the next one after the interval", async () => {
    const { stream, script, clock, changed } = streamWith({ minIntervalMs: 100 }, "a", "b");
    expect(await take(stream, 2)).toEqual(["a", "b"]);
    const onResult = vi.fn<(result: unknown) => void>();
    const next = stream.next().then(onResult);
    await untilIdle();
    script.put("c");
    changed();
    clock.advance(99);
    await untilIdle();
    expect(onResult).not.toHaveBeenCalled();
    clock.advance(1);
    await next;
    expect(onResult).toHaveBeenCalledWith({ done: false, value: "c" });
  });

  it("yields a change at once when the interval is over", async () => {
    const { stream, script, clock, changed } = streamWith({ minIntervalMs: 100 }, "a");
    await stream.next();
    const next = stream.next();
    await untilIdle();
    clock.advance(100);
    script.put("b");
    changed();
    expect(await next).toEqual({ done: false, value: "b" });
  });

  it("yields values that arrived during its batch at the next tick", async () => {
    const { stream, script, clock } = streamWith({ minIntervalMs: 100 }, "a", "b");
    script.batchEndsAfter = 1;
    expect(await stream.next()).toEqual({ done: false, value: "a" });
    const onResult = vi.fn<(result: unknown) => void>();
    const next = stream.next().then(onResult);
    await untilIdle();
    clock.advance(99);
    await untilIdle();
    expect(onResult).not.toHaveBeenCalled();
    clock.advance(1);
    await next;
    expect(onResult).toHaveBeenCalledWith({ done: false, value: "b" });
  });

  it("pulls once for all wakes within the interval", async () => {
    const { stream, script, clock, changed } = streamWith({ minIntervalMs: 100 }, "a");
    await stream.next();
    const next = stream.next();
    await untilIdle();
    script.put("b");
    changed(100);
    clock.advance(100);
    await next;
    expect(script.pulls).toBe(2);
  });

  it("misses no tick between two reads", async () => {
    const { stream, script, clock, changed } = streamWith({ minIntervalMs: 100 }, "a");
    await stream.next();
    script.put("b");
    changed();
    clock.advance(100);
    await untilIdle();
    expect(await stream.next()).toEqual({ done: false, value: "b" });
  });

  it("ends at once by return during the interval, and leaves no timer behind", async () => {
    const { stream, script, clock, changed } = streamWith({ minIntervalMs: 100 }, "a");
    await stream.next();
    const next = stream.next();
    await untilIdle();
    script.put("b");
    changed();
    await untilIdle();
    expect(clock.timerCount).toBe(1);
    await stream.return();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(clock.timerCount).toBe(0);
  });

  it("is not delayed further by a clock that is set back", async () => {
    const { stream, script, clock, changed } = streamWith({ minIntervalMs: 100 }, "a");
    await stream.next();
    const onResult = vi.fn<(result: unknown) => void>();
    const next = stream.next().then(onResult);
    await untilIdle();
    clock.setBack(3_600_000);
    script.put("b");
    changed();
    await untilIdle();
    clock.advance(100);
    await untilIdle();
    expect(onResult).toHaveBeenCalledOnce();
    await next;
  });

  it("of 0 delays nothing, and sets no timer", async () => {
    const { stream, script, clock, changed } = streamOf("a");
    await stream.next();
    const next = stream.next();
    await untilIdle();
    script.put("b");
    changed();
    expect(await next).toEqual({ done: false, value: "b" });
    expect(clock.timerCount).toBe(0);
  });
});

/** A cursor over a script. */
class ScriptCursor implements PullCursor<string> {
  readonly #script: Script;
  #at: number;

  constructor(script: Script, at = 0) {
    this.#script = script;
    this.#at = at;
  }

  get behind(): number {
    return this.#script.values.length - this.#at;
  }

  pull(): PullResult<string> {
    const { values, end } = this.#script;
    this.#script.pulls++;
    const value = values[this.#at];
    if (value !== undefined) {
      const hasMore = ++this.#at === this.#script.batchEndsAfter;
      return { value, endsBatch: hasMore || this.#at === values.length, hasMore };
    }
    if (end instanceof Error) throw end;
    return end;
  }

  fork(): ScriptCursor {
    return new ScriptCursor(this.#script, this.#at);
  }

  skipHidden(): void {}

  merge(): void {}
}

/** The values of a test, and the result that follows them. */
class Script {
  pulls = 0;
  readonly values: string[];
  end: PullResult<string> | Error = "nothing";
  /** Makes a batch end after this many values, although more are available. */
  batchEndsAfter: number | undefined;

  constructor(values: readonly string[]) {
    this.values = [...values];
  }

  put(value: string): void {
    this.values.push(value);
  }
}

/** A sink that stores all values. */
class BufferSink implements StreamSink<string> {
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
  script: Script;
  clock: ManualClock;
  onEnd: ReturnType<typeof vi.fn<() => void>>;
  /** Marks the group changed this many times in one turn. */
  changed(times?: number): void;
} {
  const [script, clock, onEnd] = [new Script(values), new ManualClock(1_000_000), vi.fn<() => void>()];
  const throttle = new Throttle(minIntervalMs, clock);
  const group = new LiveGroup<string>({ queue: new PullQueue(), throttle, clock });
  const release = (): void => {
    group.close();
    throttle.close();
  };
  const groupRef = { value: { group }, isShared: false, release };
  const stream = new PullStream(new ScriptCursor(script), groupRef, onEnd);
  const changed = (times = 1): void => {
    for (let time = 0; time < times; time++) group.markChanged(Infinity);
    throttle.wake();
  };
  return { stream, script, clock, onEnd, changed };
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
