import { describe, expect, it } from "vitest";
import { TurnQueue } from "../../src/util/turn-queue.js";

describe("A queue of turns", () => {
  it("resolves each call in a turn of its own, in order", async () => {
    const queue = new TurnQueue();
    let turn = 0;
    const count = (): unknown => setImmediate(() => turn++ < 100 && count());
    count();

    const turns = await Promise.all([1, 2, 3].map((at) => queue.next().then(() => [at, turn] as const)));
    const later = await queue.next().then(() => turn);

    expect(turns.map(([at]) => at)).toEqual([1, 2, 3]);
    expect(new Set([...turns.map(([, inTurn]) => inTurn), later]).size).toBe(4);
  });
});
