import { describe, expect, it, vi } from "vitest";
import { KeyedMutex } from "../../src/util/keyed-mutex.js";
import { untilIdle } from "../kit/deterministic/turns.js";

describe("a keyed mutex", () => {
  it("runs work under one name one at a time, in the order of the calls", async () => {
    const mutex = new KeyedMutex();
    const [events, work] = recordingWork();
    await Promise.all(["a", "b", "c"].map((piece) => mutex.runExclusive("name", () => work(piece))));
    expect(events).toEqual(["begin a", "end a", "begin b", "end b", "begin c", "end c"]);
  });

  it("does not delay work under another name", async () => {
    const mutex = new KeyedMutex();
    const [release, slow] = stuckWork();
    const waiting = vi.fn<() => Promise<void>>(async () => {});
    const first = mutex.runExclusive("name", slow);
    const second = mutex.runExclusive("name", waiting);
    expect(await mutex.runExclusive("another", async () => "done")).toBe("done");
    await untilIdle();
    expect(waiting).not.toHaveBeenCalled();
    release();
    await Promise.all([first, second]);
    expect(waiting).toHaveBeenCalledOnce();
  });

  it("passes on the result or the error of the work", async () => {
    const mutex = new KeyedMutex();
    const failure = new Error("planned failure");
    expect(await mutex.runExclusive("name", async () => 7)).toBe(7);
    await expect(mutex.runExclusive("name", () => Promise.reject(failure))).rejects.toBe(failure);
  });

  it("is released after work that failed", async () => {
    const mutex = new KeyedMutex();
    const failing = mutex.runExclusive("name", () => Promise.reject(new Error("planned failure")));
    const next = mutex.runExclusive("name", async () => "done");
    await expect(failing).rejects.toThrow("planned failure");
    expect(await next).toBe("done");
  });

  it("accepts any text as a name", async () => {
    const mutex = new KeyedMutex();
    const names = ["__proto__", "constructor", ""];
    const given = await Promise.all(names.map((name) => mutex.runExclusive(name, async () => name)));
    expect(given).toEqual(names);
  });

  it("keeps one order for a name that is requested again during its release", async () => {
    const mutex = new KeyedMutex();
    const [events, work] = recordingWork();
    const first = mutex.runExclusive("name", () => work("a"));
    const second = first.then(() => mutex.runExclusive("name", () => work("b")));
    const third = mutex.runExclusive("name", () => work("c"));
    await Promise.all([first, second, third]);
    expect(events).toEqual(["begin a", "end a", "begin c", "end c", "begin b", "end b"]);
  });
});

/** Work that records its begin and end, some turns apart. */
function recordingWork(): [string[], (piece: string) => Promise<void>] {
  const events: string[] = [];
  const work = async (piece: string): Promise<void> => {
    events.push(`begin ${piece}`);
    await untilIdle();
    events.push(`end ${piece}`);
  };
  return [events, work];
}

function stuckWork(): [() => void, () => Promise<void>] {
  let release = (): void => {};
  const stuck = new Promise<void>((resolve) => (release = resolve));
  return [() => release(), () => stuck];
}
