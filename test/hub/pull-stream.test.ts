import { describe, expect, it, vi } from "vitest";
import { Pace } from "../../src/hub/pace.js";
import { PullQueue } from "../../src/hub/pull-queue.js";
import { PullStream, type Pulled } from "../../src/hub/pull-stream.js";
import { ManualClock } from "../kit/manual-clock.js";
import { rest } from "../kit/turns.js";

describe("a pull stream", () => {
  it("gives what its source has, in order", async () => {
    const { stream } = streamOf("a", "b");
    expect(await stream.next()).toEqual({ done: false, value: "a" });
    expect(await stream.next()).toEqual({ done: false, value: "b" });
  });

  it("pulls nothing while nobody asks", async () => {
    const { stream, source } = streamOf("a", "b");
    stream.wake();
    await rest();
    expect(source.pulls).toBe(0);
    await stream.next();
    stream.wake();
    await rest();
    expect(source.pulls).toBe(1);
  });

  it("waits while there is nothing, and goes on when it is woken", async () => {
    const { stream, source } = streamOf();
    const told = vi.fn<(result: unknown) => void>();
    const next = stream.next().then(told);
    await rest();
    expect(told).not.toHaveBeenCalled();
    source.put("a");
    await rest();
    expect(told).not.toHaveBeenCalled();
    stream.wake();
    await next;
    expect(told).toHaveBeenCalledWith({ done: false, value: "a" });
  });

  it("waits on when it is woken for nothing", async () => {
    const { stream, source } = streamOf();
    const told = vi.fn<(result: unknown) => void>();
    const next = stream.next().then(told);
    await rest();
    stream.wake();
    await rest();
    expect(told).not.toHaveBeenCalled();
    source.put("a");
    stream.wake();
    await next;
    expect(source.pulls).toBe(3);
  });

  it("is woken once by many wakes, and misses none that comes while nobody asks", async () => {
    const { stream, source } = streamOf("a");
    await stream.next();
    const next = stream.next();
    await rest();
    source.put("b");
    wakeOften(stream);
    expect(await next).toEqual({ done: false, value: "b" });
    source.put("c");
    stream.wake();
    await rest();
    expect(await stream.next()).toEqual({ done: false, value: "c" });
    expect(source.pulls).toBe(4);
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

  it("pulls nothing that its reader does not admit, until it is resumed", async () => {
    const { stream, source } = streamOf("a");
    let hasRoom = false;
    const next = stream.take(
      (value) => value,
      () => hasRoom,
    );
    stream.wake();
    await rest();
    expect(source.pulls).toBe(0);
    hasRoom = true;
    stream.resume();
    expect(await next).toEqual({ done: false, value: "a" });
  });

  it("is not woken by being resumed", async () => {
    const { stream, source } = streamOf();
    const next = stream.next();
    await rest();
    source.put("a");
    stream.resume();
    await rest();
    expect(source.pulls).toBe(1);
    stream.wake();
    expect(await next).toEqual({ done: false, value: "a" });
  });

  it("asks again in the next turn where its source wants that", async () => {
    const { stream, source } = streamOf();
    source.askAgainIn(0);
    const next = stream.next();
    expect(source.pulls).toBe(1);
    source.put("a");
    expect(await next).toEqual({ done: false, value: "a" });
    expect(source.pulls).toBe(2);
  });

  it("asks again after the time that its source names, once, and leaves no timer behind", async () => {
    const { stream, source, clock } = streamOf();
    source.askAgainIn(100);
    const next = stream.next();
    wakeOften(stream);
    expect(clock.timerCount).toBe(1);
    source.put("a");
    clock.advance(100);
    expect(await next).toEqual({ done: false, value: "a" });
    source.askAgainIn(100);
    void stream.next();
    expect(clock.timerCount).toBe(1);
    await stream.return();
    expect(clock.timerCount).toBe(0);
  });
});

describe("the end of a pull stream", () => {
  it("comes when its source has ended", async () => {
    const { stream, source, onEnd } = streamOf("a");
    source.end();
    expect(await stream.next()).toEqual({ done: false, value: "a" });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it("comes at once by return, also to a next that waits", async () => {
    const { stream, onEnd } = streamOf();
    const waiting = stream.next();
    await rest();
    expect(await stream.return()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it("comes at once by return, also to a next whose turn has not come", async () => {
    const { stream, source } = streamOf();
    source.askAgainIn(0);
    const waiting = stream.next();
    await stream.return();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await rest();
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
    source.fail(failure);
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
    const { stream, source } = streamOf();
    await stream.return();
    stream.wake();
    await rest();
    expect(source.pulls).toBe(0);
  });
});

describe("a pull stream with a minimal interval", () => {
  it("gives the first batch at once, and what comes then after the interval", async () => {
    const { stream, source, pace, clock } = streamWith({ minIntervalMs: 100 }, "a", "b");
    expect(await take(stream, 2)).toEqual(["a", "b"]);
    const told = vi.fn<(result: unknown) => void>();
    const next = stream.next().then(told);
    await rest();
    source.put("c");
    pace.wake();
    clock.advance(99);
    await rest();
    expect(told).not.toHaveBeenCalled();
    clock.advance(1);
    await next;
    expect(told).toHaveBeenCalledWith({ done: false, value: "c" });
  });

  it("gives at once what comes when the interval is over", async () => {
    const { stream, source, pace, clock } = streamWith({ minIntervalMs: 100 }, "a");
    await stream.next();
    const next = stream.next();
    await rest();
    clock.advance(100);
    source.put("b");
    pace.wake();
    expect(await next).toEqual({ done: false, value: "b" });
  });

  it("pulls once for all wakes within the interval", async () => {
    const { stream, source, pace, clock } = streamWith({ minIntervalMs: 100 }, "a");
    await stream.next();
    const next = stream.next();
    await rest();
    source.put("b");
    wakeOften(pace);
    clock.advance(100);
    await next;
    expect(source.pulls).toBe(2);
  });

  it("misses no tick that comes while nobody asks", async () => {
    const { stream, source, pace, clock } = streamWith({ minIntervalMs: 100 }, "a");
    await stream.next();
    source.put("b");
    pace.wake();
    clock.advance(100);
    await rest();
    expect(await stream.next()).toEqual({ done: false, value: "b" });
  });

  it("ends at once by return while it rests, and leaves no timer behind", async () => {
    const { stream, source, pace, clock } = streamWith({ minIntervalMs: 100 }, "a");
    await stream.next();
    const next = stream.next();
    await rest();
    source.put("b");
    pace.wake();
    await rest();
    expect(clock.timerCount).toBe(1);
    await stream.return();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(clock.timerCount).toBe(0);
  });

  it("is not silenced for longer by a clock that is set back", async () => {
    const { stream, source, pace, clock } = streamWith({ minIntervalMs: 100 }, "a");
    await stream.next();
    const told = vi.fn<(result: unknown) => void>();
    const next = stream.next().then(told);
    await rest();
    clock.setBack(3_600_000);
    source.put("b");
    pace.wake();
    await rest();
    clock.advance(100);
    await rest();
    expect(told).toHaveBeenCalledOnce();
    await next;
  });

  it("of 0 holds nothing back, and sets no timer", async () => {
    const { stream, source, pace, clock } = streamOf("a");
    await stream.next();
    const next = stream.next();
    await rest();
    source.put("b");
    pace.wake();
    expect(await next).toEqual({ done: false, value: "b" });
    expect(clock.timerCount).toBe(0);
  });
});

/** A source that the test fills. */
class Source {
  pulls = 0;
  readonly #values: string[];
  #end: Pulled<string> | Error = "nothing";

  constructor(values: readonly string[]) {
    this.#values = [...values];
  }

  put(value: string): void {
    this.#values.push(value);
  }

  end(): void {
    this.#end = "ended";
  }

  askAgainIn(ms: number): void {
    this.#end = { askAgainInMs: ms };
  }

  fail(error: Error): void {
    this.#end = error;
  }

  pull(): Pulled<string> {
    this.pulls++;
    const value = this.#values.shift();
    if (value !== undefined) return { value, endsBatch: this.#values.length === 0 };
    if (this.#end instanceof Error) throw this.#end;
    return this.#end;
  }
}

function streamOf(...values: readonly string[]): ReturnType<typeof streamWith> {
  return streamWith({ minIntervalMs: 0 }, ...values);
}

function streamWith(
  { minIntervalMs }: { minIntervalMs: number },
  ...values: readonly string[]
): {
  stream: PullStream<string>;
  source: Source;
  pace: Pace;
  clock: ManualClock;
  onEnd: ReturnType<typeof vi.fn<() => void>>;
} {
  const [source, clock, onEnd] = [new Source(values), new ManualClock(1_000_000), vi.fn<() => void>()];
  const pace = new Pace(minIntervalMs, clock);
  const stream = new PullStream(source, { queue: new PullQueue(), pace, clock, onEnd });
  return { stream, source, pace, clock, onEnd };
}

function wakeOften(sleeper: { wake(): void }): void {
  for (let wake = 0; wake < 100; wake++) sleeper.wake();
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
