import { describe, expect, it } from "vitest";
import type { CatchUpPuller } from "../../src/hub/catch-up-queue.js";
import { PullQueue, type Puller } from "../../src/hub/pull-queue.js";
import { untilIdle, until } from "../kit/deterministic/turns.js";

describe("a pull queue", () => {
  it("runs a pull at once while the turn has time left and the queue is empty", () => {
    const { queue, pulled, quick } = openQueue();
    queue.pullSoon(quick("a"));
    queue.pullSoon(quick("b"));
    expect(pulled).toEqual(["a", "b"]);
  });

  it("never runs a pull at once when pullLater is called", async () => {
    const { queue, pulled, quick } = openQueue();
    queue.pullLater(quick("a"));
    expect(pulled).toEqual([]);
    await until(() => pulled.length === 1);
    expect(pulled).toEqual(["a"]);
  });

  it("runs pulls in the order of their requests, even if the turn has time left for a new one", async () => {
    const { queue, pulled, quick } = openQueue();
    queue.pullLater(quick("a"));
    queue.pullSoon(quick("b"));
    queue.pullLater(quick("c"));
    queue.pullSoon(quick("d"));
    expect(pulled).toEqual([]);
    await until(() => pulled.length === 4);
    expect(pulled).toEqual(["a", "b", "c", "d"]);
  });

  it("defers pulls to the next turn once the time of this one is spent", async () => {
    const { queue, pulled, quick, long } = openQueue();
    queue.pullSoon(long("a"));
    queue.pullSoon(quick("b"));
    queue.pullSoon(quick("c"));
    expect(pulled).toEqual(["a"]);
    await until(() => pulled.length === 3);
    expect(pulled).toEqual(["a", "b", "c"]);
  });

  it("lets other events run between two slices", async () => {
    const { queue, pulled, long, runAsEvent } = openQueue();
    queue.pullSoon(long("a"));
    queue.pullSoon(long("b"));
    queue.pullSoon(long("c"));
    runAsEvent("other event");
    await until(() => pulled.length === 4);
    expect(pulled).toEqual(["a", "b", "other event", "c"]);
  });

  it("renews its budget in each turn, even if the queue was empty", async () => {
    const { queue, pulled, quick, long } = openQueue();
    queue.pullSoon(long("a"));
    await untilIdle();
    queue.pullSoon(quick("b"));
    queue.pullSoon(quick("c"));
    expect(pulled).toEqual(["a", "b", "c"]);
  });

  it("renews its budget after a turn in which queued pulls used all of it", async () => {
    const { queue, pulled, quick, long } = openQueue();
    queue.pullLater(long("a"));
    await untilIdle();
    queue.pullSoon(quick("b"));
    expect(pulled).toEqual(["a", "b"]);
  });

  it("adds up the time of all pulls of a turn", async () => {
    const { queue, pulled, taking } = openQueue();
    const names = Array.from({ length: 8 }, (_, index) => `${index}`);
    for (const name of names) queue.pullSoon(taking(2, name));
    expect(pulled.length).toBeLessThanOrEqual(3);
    await until(() => pulled.length === names.length);
    expect(pulled).toEqual(names);
  });

  it("keeps a puller's position in the queue if it is queued again", async () => {
    const { queue, pulled, quick } = openQueue();
    const [first, second] = [quick("a"), quick("b")];
    queue.pullLater(first);
    queue.pullLater(second);
    queue.pullLater(first);
    queue.pullSoon(first);
    await untilIdle();
    expect(pulled).toEqual(["a", "b"]);
  });

  it("accepts a puller again after its pull", async () => {
    const { queue, pulled, quick } = openQueue();
    const again = quick("a");
    queue.pullLater(again);
    await untilIdle();
    queue.pullLater(again);
    await untilIdle();
    expect(pulled).toEqual(["a", "a"]);
  });

  it("drops a puller that was deleted while it waited", async () => {
    const { queue, pulled, quick } = openQueue();
    const [leaving, staying] = [quick("a"), quick("b")];
    queue.pullLater(leaving);
    queue.pullLater(staying);
    queue.delete(leaving);
    await untilIdle();
    expect(pulled).toEqual(["b"]);
  });

  it("drops a puller that was deleted during the pull of another", async () => {
    const { queue, pulled, quick } = openQueue();
    const leaving = quick("b");
    queue.pullLater({ pull: () => queue.delete(leaving) });
    queue.pullLater(leaving);
    queue.pullLater(quick("c"));
    await untilIdle();
    expect(pulled).toEqual(["c"]);
  });

  it("renews its budget even if all waiting pullers were deleted", async () => {
    const { queue, pulled, quick, long } = openQueue();
    const leaving = quick("b");
    queue.pullSoon(long("a"));
    queue.pullSoon(leaving);
    queue.delete(leaving);
    await untilIdle();
    queue.pullSoon(quick("c"));
    expect(pulled).toEqual(["a", "c"]);
  });
});

describe("a pull queue with subscribers that catch up", () => {
  it("serves one as long as it has more before it serves the next, the one with the fewest missing events first", async () => {
    const { queue, pulled, behind } = openQueue();
    queue.catchUpLater(behind("far", 9));
    queue.catchUpLater(behind("near", 2));
    await until(() => pulled.length === 11);
    expect(pulled).toEqual([...repeated("near", 2), ...repeated("far", 9)]);
  });

  it("serves one at once while the turn has time left and nobody waits", () => {
    const { queue, pulled, behind } = openQueue();
    queue.catchUpSoon(behind("a", 2));
    expect(pulled).toEqual(["a", "a"]);
  });

  it("goes on in the next turn once the time of this one is spent", async () => {
    const { queue, pulled, behind, runAsEvent } = openQueue();
    queue.catchUpSoon(behind("a", 2, 21));
    queue.catchUpSoon(behind("b", 1));
    expect(pulled).toEqual(["a"]);
    runAsEvent("other event");
    await until(() => pulled.length === 4);
    expect(pulled.toSorted()).toEqual(["a", "a", "b", "other event"]);
  });

  it("brings groups up to date first, even if they are woken after a subscriber has begun to wait", async () => {
    const { queue, pulled, quick, behind } = openQueue();
    queue.catchUpLater(behind("behind", 1));
    queue.wakeNextTurn({ wake: () => queue.pullSoon(quick("group")) });
    await until(() => pulled.length === 2);
    expect(pulled).toEqual(["group", "behind"]);
  });

  it("serves them in the turn of a group that takes long, and wakes a change once", async () => {
    const { queue, pulled, long, behind, runAsEvent } = openQueue();
    const changed = { wake: () => queue.pullSoon(long("group")) };
    queue.catchUpLater(behind("behind", 1));
    queue.wakeNextTurn(changed);
    queue.wakeNextTurn(changed);
    runAsEvent("other event");
    await untilIdle();
    expect(pulled).toEqual(["group", "behind", "other event"]);
  });

  it("does not serve one within the service of another", async () => {
    const { queue, pulled, behind } = openQueue();
    queue.catchUpLater({
      behind: 1,
      pull: () => {
        queue.catchUpSoon(behind("inner", 1));
        return pulled.push("outer") < 0;
      },
    });
    await until(() => pulled.length === 2);
    expect(pulled).toEqual(["outer", "inner"]);
  });

  it("counts those that wait, and drops one that stops", async () => {
    const { queue, pulled, behind } = openQueue();
    const [leaving, staying] = [behind("a", 1), behind("b", 1)];
    queue.catchUpLater(leaving);
    queue.catchUpLater(staying);
    expect(queue.behindCount).toBe(2);
    queue.stopCatchUp(leaving);
    expect(queue.behindCount).toBe(1);
    await untilIdle();
    expect(pulled).toEqual(["b"]);
  });
});

function repeated(name: string, times: number): string[] {
  return Array.from({ length: times }, () => name);
}

/** A queue, and pullers that record when they run. */
function openQueue(): {
  queue: PullQueue;
  pulled: string[];
  quick(name: string): Puller;
  /** Takes longer than the budget of a turn. */
  long(name: string): Puller;
  taking(ms: number, name: string): Puller;
  /** A subscriber that is `count` events behind, each of which takes `ms`. */
  behind(name: string, count: number, ms?: number): CatchUpPuller;
  runAsEvent(name: string): void;
} {
  const pulled: string[] = [];
  const taking = (ms: number, name: string): Puller => ({
    pull() {
      pulled.push(name);
      spend(ms);
    },
  });
  return {
    queue: new PullQueue(),
    pulled,
    behind(name, count, ms = 0) {
      const puller = {
        behind: count,
        pull() {
          taking(ms, name).pull();
          return --puller.behind > 0;
        },
      };
      return puller;
    },
    quick: (name) => ({ pull: () => void pulled.push(name) }),
    long: (name) => taking(21, name),
    taking,
    runAsEvent: (name) => void setImmediate(() => pulled.push(name)),
  };
}

/** Keeps the CPU busy, because the queue measures how long a pull takes. */
function spend(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
