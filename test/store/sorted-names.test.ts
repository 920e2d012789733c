import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SortedNames } from "../../src/store/sorted-names.js";

describe("sorted names", () => {
  it("are in ascending order of their code units, whatever the order of insertion", () => {
    const names = namesOf("b", "ä", "B", "a", "10", "9");
    expect(names.page(10, "")).toEqual(["10", "9", "B", "a", "b", "ä"]);
  });

  it("contain a name once that was added twice", () => {
    expect(namesOf("a", "b", "a").page(10, "")).toEqual(["a", "b"]);
  });

  it("ignore the removal of an unknown name", () => {
    const names = namesOf("a", "c");
    names.delete("b");
    names.delete("d");
    expect(names.page(10, "")).toEqual(["a", "c"]);
  });

  it("are paged after a name that need not exist", () => {
    const names = namesOf("a", "c", "e");
    expect(names.page(2, "")).toEqual(["a", "c"]);
    expect(names.page(2, "c")).toEqual(["e"]);
    expect(names.page(2, "b")).toEqual(["c", "e"]);
    expect(names.page(2, "e")).toEqual([]);
  });

  it("equal a sorted set after any changes", () => {
    const name = fc.constantFrom("a", "aa", "b", "B", "__proto__", "é", "z");
    const after = fc.oneof(name, fc.constantFrom("", "ab", "zz"));
    const step = fc.record({ isAdded: fc.boolean(), name });
    fc.assert(
      fc.property(fc.array(step), after, fc.nat(9), (steps, start, count) => {
        const names = new SortedNames<string>();
        const model = steps.reduce((set, taken) => take(taken, names, set), new Set<string>());
        const expected = [...model].filter((other) => other > start).toSorted();
        expect(names.page(count, start)).toEqual(expected.slice(0, count));
      }),
    );
  });
});

function namesOf(...names: readonly string[]): SortedNames<string> {
  const sorted = new SortedNames<string>();
  for (const name of names) sorted.add(name);
  return sorted;
}

function take(
  { isAdded, name }: { isAdded: boolean; name: string },
  names: SortedNames<string>,
  model: ReadonlySet<string>,
): Set<string> {
  if (isAdded) names.add(name);
  else names.delete(name);
  const others = [...model].filter((other) => other !== name);
  return new Set(isAdded ? [...others, name] : others);
}
