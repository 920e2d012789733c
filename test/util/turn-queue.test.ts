import { describe, expect, it } from "vitest";
import { TurnQueue } from "../../src/util/turn-queue.js";

describe("A queue of turns", () => {
  it("resolves each call in a turn of its own, in order", async () => {
    const queue = new TurnQueue();
    const log: string[] = [];
    const calls = ["a", "b", "c"].map((name) => queue.next().then(() => log.push(name)));
    const others = Array.from({ length: 4 }, (_, turn) => afterTurns(turn + 1).then(() => log.push("other")));

    await Promise.all([...calls, ...others]);

    expect(log.join(" ")).toMatch(/a (other )+b (other )+c/);
  });
});

async function afterTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}
