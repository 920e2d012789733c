import { describe, expect, it, vi } from "vitest";
import { RefCountedMap } from "../../src/util/ref-counted-map.js";

describe("shared values", () => {
  it("are made when they are first wanted, and are then the same for all who want them", () => {
    const values = new RefCountedMap<string, object>();
    const create = vi.fn<() => object>(() => ({}));
    const [first, second] = [values.acquire("a", create), values.acquire("a", create)];
    expect(second.value).toBe(first.value);
    expect(create).toHaveBeenCalledOnce();
  });

  it("are one a key", () => {
    const values = new RefCountedMap<string, string>();
    expect(values.acquire("a", () => "of a").value).toBe("of a");
    expect(values.acquire("b", () => "of b").value).toBe("of b");
  });

  it("are disposed of with their last user, once, and not before", () => {
    const dispose = vi.fn<(value: string) => void>();
    const values = new RefCountedMap<string, string>(dispose);
    const leases = [values.acquire("a", () => "of a"), values.acquire("a", () => "of a")];
    leases[0]!.release();
    expect(dispose).not.toHaveBeenCalled();
    leases[1]!.release();
    expect(dispose).toHaveBeenCalledExactlyOnceWith("of a");
  });

  it("are made anew for who comes after the last user went", () => {
    const values = new RefCountedMap<string, object>();
    const before = values.acquire("a", () => ({}));
    before.release();
    const after = values.acquire("a", () => ({}));
    expect(after.value).not.toBe(before.value);
  });

  it("are given up without a word where nobody asked to hear of it", () => {
    const values = new RefCountedMap<string, string>();
    values.acquire("a", () => "of a").release();
    expect([...values.values()]).toEqual([]);
  });

  it("can be listed: those that somebody uses", () => {
    const values = new RefCountedMap<string, string>();
    const [leaving] = [values.acquire("a", () => "of a"), values.acquire("b", () => "of b")];
    values.acquire("b", () => "of b");
    expect([...values.values()]).toEqual(["of a", "of b"]);
    leaving.release();
    expect([...values.values()]).toEqual(["of b"]);
  });

  it("can be given up while they are listed", () => {
    const values = new RefCountedMap<string, string>();
    const leases = ["a", "b", "c"].map((key) => values.acquire(key, () => `of ${key}`));
    const seen: string[] = [];
    for (const value of values.values()) {
      seen.push(value);
      leases[1]?.release();
      leases.length = 1;
    }
    expect(seen).toEqual(["of a", "of c"]);
  });

  it("leave nothing behind where one can't be made", () => {
    const dispose = vi.fn<(value: string) => void>();
    const values = new RefCountedMap<string, string>(dispose);
    const fail = (): never => {
      throw new Error("told to fail");
    };
    expect(() => values.acquire("a", fail)).toThrow("told to fail");
    expect([...values.values()]).toEqual([]);
    expect(values.acquire("a", () => "of a").value).toBe("of a");
    expect(dispose).not.toHaveBeenCalled();
  });
});
