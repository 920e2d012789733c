import { describe, expect, it } from "vitest";
import { PullQueue, type Puller } from "../../src/hub/pull-queue.js";
import { untilIdle, until } from "../kit/deterministic/turns.js";

describe("a pull queue", () => {
  it("lets one pull at once while there is time left and nobody waits", () => {
    const { queue, pulled, quick } = openQueue();
    queue.pullSoon(quick("a"));
    queue.pullSoon(quick("b"));
    expect(pulled).toEqual(["a", "b"]);
  });

  it("lets nobody pull at once who asks to pull later", async () => {
    const { queue, pulled, quick } = openQueue();
    queue.pullLater(quick("a"));
    expect(pulled).toEqual([]);
    await until(() => pulled.length === 1);
    expect(pulled).toEqual(["a"]);
  });

  it("serves who came first first, though there is time left for who comes then", async () => {
    const { queue, pulled, quick } = openQueue();
    queue.pullLater(quick("a"));
    queue.pullSoon(quick("b"));
    queue.pullLater(quick("c"));
    queue.pullSoon(quick("d"));
    expect(pulled).toEqual([]);
    await until(() => pulled.length === 4);
    expect(pulled).toEqual(["a", "b", "c", "d"]);
  });

  it("lets others wait for the next turn of the event loop once the time of this one is spent", async () => {
    const { queue, pulled, quick, long } = openQueue();
    queue.pullSoon(long("a"));
    queue.pullSoon(quick("b"));
    queue.pullSoon(quick("c"));
    expect(pulled).toEqual(["a"]);
    await until(() => pulled.length === 3);
    expect(pulled).toEqual(["a", "b", "c"]);
  });

  it("lets what else is to run have its turn between two slices", async () => {
    const { queue, pulled, long, runInItsTurn } = openQueue();
    queue.pullSoon(long("a"));
    queue.pullSoon(long("b"));
    queue.pullSoon(long("c"));
    runInItsTurn("what came in");
    await until(() => pulled.length === 4);
    expect(pulled).toEqual(["a", "b", "what came in", "c"]);
  });

  it("has its whole time again in each turn, also when nobody waited", async () => {
    const { queue, pulled, quick, long } = openQueue();
    queue.pullSoon(long("a"));
    await untilIdle();
    queue.pullSoon(quick("b"));
    queue.pullSoon(quick("c"));
    expect(pulled).toEqual(["a", "b", "c"]);
  });

  it("has its whole time again also after a turn in which those who waited took all of it", async () => {
    const { queue, pulled, quick, long } = openQueue();
    queue.pullLater(long("a"));
    await untilIdle();
    queue.pullSoon(quick("b"));
    expect(pulled).toEqual(["a", "b"]);
  });

  it("counts together what many pull in a turn", async () => {
    const { queue, pulled, taking } = openQueue();
    const names = Array.from({ length: 8 }, (_, index) => `${index}`);
    for (const name of names) queue.pullSoon(taking(2, name));
    expect(pulled.length).toBeLessThanOrEqual(3);
    await until(() => pulled.length === names.length);
    expect(pulled).toEqual(names);
  });

  it("keeps the place of one who asks again", async () => {
    const { queue, pulled, quick } = openQueue();
    const [first, second] = [quick("a"), quick("b")];
    queue.pullLater(first);
    queue.pullLater(second);
    queue.pullLater(first);
    queue.pullSoon(first);
    await untilIdle();
    expect(pulled).toEqual(["a", "b"]);
  });

  it("lets one who has pulled ask again", async () => {
    const { queue, pulled, quick } = openQueue();
    const again = quick("a");
    queue.pullLater(again);
    await untilIdle();
    queue.pullLater(again);
    await untilIdle();
    expect(pulled).toEqual(["a", "a"]);
  });

  it("does not let one pull who went while it waited", async () => {
    const { queue, pulled, quick } = openQueue();
    const [leaving, staying] = [quick("a"), quick("b")];
    queue.pullLater(leaving);
    queue.pullLater(staying);
    queue.delete(leaving);
    await untilIdle();
    expect(pulled).toEqual(["b"]);
  });

  it("does not let one pull who went in the turn of another", async () => {
    const { queue, pulled, quick } = openQueue();
    const leaving = quick("b");
    queue.pullLater({ pull: () => queue.delete(leaving) });
    queue.pullLater(leaving);
    queue.pullLater(quick("c"));
    await untilIdle();
    expect(pulled).toEqual(["c"]);
  });

  it("has its time again though all went who waited", async () => {
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

/** A queue, and pullers that say when they pull. */
function openQueue(): {
  queue: PullQueue;
  pulled: string[];
  quick(name: string): Puller;
  /** Takes more than a turn has. */
  long(name: string): Puller;
  taking(ms: number, name: string): Puller;
  runInItsTurn(name: string): void;
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
    quick: (name) => ({ pull: () => void pulled.push(name) }),
    long: (name) => taking(21, name),
    taking,
    runInItsTurn: (name) => void setImmediate(() => pulled.push(name)),
  };
}

/** Works for so long: what a pull takes is what its queue measures. */
function spend(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
