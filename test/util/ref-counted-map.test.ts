import { describe, expect, it, vi } from "vitest";
import { RefCountedMap } from "../../src/util/ref-counted-map.js";

describe("a ref-counted map", () => {
  it("creates a value on first use and shares it with later users", () => {
    const values = new RefCountedMap<string, object>();
    const create = vi.fn<() => object>(() => ({}));
    const [first, second] = [values.acquire("a", create), values.acquire("a", create)];
    expect(second.value).toBe(first.value);
    expect(create).toHaveBeenCalledOnce();
  });

  it("keeps one value per key", () => {
    const values = new RefCountedMap<string, string>();
    expect(values.acquire("a", () => "of a").value).toBe("of a");
    expect(values.acquire("b", () => "of b").value).toBe("of b");
  });

  it("disposes of a value once, when its last user releases it", () => {
    const dispose = vi.fn<(value: string) => void>();
    const values = new RefCountedMap<string, string>(dispose);
    const refs = [values.acquire("a", () => "of a"), values.acquire("a", () => "of a")];
    refs[0]!.release();
    expect(dispose).not.toHaveBeenCalled();
    refs[1]!.release();
    expect(dispose).toHaveBeenCalledExactlyOnceWith("of a");
  });

  it("creates a new value after the last release", () => {
    const values = new RefCountedMap<string, object>();
    const before = values.acquire("a", () => ({}));
    before.release();
    const after = values.acquire("a", () => ({}));
    expect(after.value).not.toBe(before.value);
  });

  it("drops a value without a dispose function", () => {
    const values = new RefCountedMap<string, string>();
    values.acquire("a", () => "of a").release();
    expect([...values.values()]).toEqual([]);
  });

  it("lists the values in use", () => {
    const values = new RefCountedMap<string, string>();
    const [leaving] = [values.acquire("a", () => "of a"), values.acquire("b", () => "of b")];
    values.acquire("b", () => "of b");
    expect([...values.values()]).toEqual(["of a", "of b"]);
    leaving.release();
    expect([...values.values()]).toEqual(["of b"]);
  });

  it("allows a release while its values are listed", () => {
    const values = new RefCountedMap<string, string>();
    const refs = ["a", "b", "c"].map((key) => values.acquire(key, () => `of ${key}`));
    const seen: string[] = [];
    for (const value of values.values()) {
      seen.push(value);
      refs[1]?.release();
      refs.length = 1;
    }
    expect(seen).toEqual(["of a", "of c"]);
  });

  it("keeps nothing if a value cannot be created", () => {
    const dispose = vi.fn<(value: string) => void>();
    const values = new RefCountedMap<string, string>(dispose);
    const fail = (): never => {
      throw new Error("planned failure");
    };
    expect(() => values.acquire("a", fail)).toThrow("planned failure");
    expect([...values.values()]).toEqual([]);
    expect(values.acquire("a", () => "of a").value).toBe("of a");
    expect(dispose).not.toHaveBeenCalled();
  });
});
