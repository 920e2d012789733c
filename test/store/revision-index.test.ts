import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RevisionIndex } from "../../src/store/revision-index.js";
import { AssertionError } from "../../src/util/assert.js";

describe("a revision index", () => {
  it("lists the items after a revision, oldest first", () => {
    const { index } = changed("a", "b", "c");
    expect(namesIn(index.ascending(1))).toEqual(["b", "c"]);
  });

  it("lists the items before a revision, newest first", () => {
    const { index } = changed("a", "b", "c");
    expect(namesIn(index.descending(3))).toEqual(["b", "a"]);
  });

  it("lists all items from either end, and nothing beyond", () => {
    const { index } = changed("a", "b");
    expect(namesIn(index.ascending(-1))).toEqual(["a", "b"]);
    expect(namesIn(index.descending(Infinity))).toEqual(["b", "a"]);
    expect(namesIn(index.ascending(Infinity))).toEqual([]);
    expect(namesIn(index.descending(1))).toEqual([]);
  });

  it("lists an item that changed again only at its newest revision", () => {
    const { index } = changed("a", "b", "a");
    expect(index.firstAfter(0)?.name).toBe("b");
    expect(index.firstAfter(2)?.name).toBe("a");
    expect(namesIn(index.ascending(0))).toEqual(["b", "a"]);
    expect(namesIn(index.descending(Infinity))).toEqual(["a", "b"]);
    expect(index.firstAfter(3)).toBeUndefined();
  });

  it("counts current entries", () => {
    const { index } = changed("a", "b", "a", "a");
    expect(index.size).toBe(2);
  });

  it("accepts only increasing revisions", () => {
    const { index } = changed("a");
    expect(() => index.append({ name: "b", revision: 1 }, 1)).toThrow(AssertionError);
    expect(() => index.append({ name: "b", revision: 0 }, 0)).toThrow(AssertionError);
  });

  it("checks few entries per lookup, however often items changed", () => {
    const looks = { count: 0 };
    const { index } = changedIn(looks, ...Array.from({ length: 20_000 }, (_, at) => `thing${at % 10}`));
    looks.count = 0;
    expect(index.firstAfter(0)?.name).toBe("thing0");
    expect(looks.count).toBeLessThan(200);
  });

  it("equals a list sorted by latest revision after any changes, and after a compaction", () => {
    const names = fc.array(fc.constantFrom(..."abcdefgh"), { maxLength: 400, size: "max" });
    fc.assert(
      fc.property(names, fc.nat(400), (changes, revision) => {
        const { index } = changed(...changes);
        const latest = [...new Map(changes.map((name, at) => [name, at + 1]))];
        const sorted = latest.toSorted(([, a], [, b]) => a - b);
        const after = sorted.filter(([, at]) => at > revision).map(([name]) => name);
        const before = sorted.filter(([, at]) => at < revision).map(([name]) => name);
        expect(namesIn(index.ascending(revision))).toEqual(after);
        expect(namesIn(index.descending(revision))).toEqual(before.toReversed());
        expect(index.size).toBe(latest.length);
      }),
    );
  });
});

interface Thing {
  readonly name: string;
  revision: number;
}

/** An index after these items have changed in turn, at the revisions 1, 2, 3 … */
function changed(...names: readonly string[]): { index: RevisionIndex<Thing> } {
  return changedIn({ count: 0 }, ...names);
}

/** Also counts the calls of `isCurrent`. */
function changedIn(looks: { count: number }, ...names: readonly string[]): { index: RevisionIndex<Thing> } {
  const things = new Map<string, Thing>();
  const index = new RevisionIndex<Thing>((thing, revision) => {
    looks.count++;
    return thing.revision === revision;
  });
  names.forEach((name, at) => {
    const thing = things.get(name) ?? { name, revision: 0 };
    const isNew = thing.revision === 0;
    thing.revision = at + 1;
    things.set(name, thing);
    index.append(thing, at + 1);
    if (!isNew) index.markStale();
  });
  return { index };
}

function namesIn(things: Iterable<Thing>): string[] {
  return Array.from(things, ({ name }) => name);
}
