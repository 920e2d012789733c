import { describe, expect, it } from "vitest";
import { TurnQueue } from "../../src/util/turn-queue.js";

describe("A queue of turns", () => {
  it("resolves each call in a turn of its own, in order", async () => {
    const queue = new TurnQueue();
    const log: string[] = [];
    const calls = ["a", "b", "c"].map((name) => queue.next(queue).then(() => log.push(name)));
    const others = Array.from({ length: 4 }, (_, turn) => afterTurns(turn + 1).then(() => log.push("other")));

    await Promise.all([...calls, ...others]);

    expect(log.join(" ")).toMatch(/a (other )+b (other )+c/);
  });

  it("lets owners take turns, however much each of them waits for", async () => {
    const queue = new TurnQueue();
    const [one, other] = [{}, {}];
    const log: string[] = [];
    const calls = ["a1", "a2", "a3"].map((name) => queue.next(one).then(() => log.push(name)));
    calls.push(queue.next(other).then(() => log.push("b1")));

    await Promise.all(calls);

    expect(log).toEqual(["a1", "b1", "a2", "a3"]);
  });
});

async function afterTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}
