import { describe, expect, it } from "vitest";
import { TurnLength, type TurnBudget } from "../../src/util/turn-length.js";

const BOUNDS = { minMs: 2, maxMs: 10 };

describe("the budget of one kind of work per turn", () => {
  it("is half of the time that everything else takes", () => {
    const { budget, pass } = openTurns();
    pass(8);
    budget.renew();
    expect(isSpentAfter(budget, 3.9)).toBe(false);
    expect(isSpentAfter(budget, 0.1)).toBe(true);
  });

  it("is at least the minimum, and at most the maximum", () => {
    const { budget, pass } = openTurns();
    budget.renew();
    expect(isSpentAfter(budget, 1.9)).toBe(false);
    expect(isSpentAfter(budget, 0.1)).toBe(true);
    pass(1_000);
    budget.renew();
    expect(isSpentAfter(budget, 9.9)).toBe(false);
    expect(isSpentAfter(budget, 0.1)).toBe(true);
  });

  it("is shorter while connections arrive", () => {
    const { turns, budget, pass } = openTurns();
    turns.connectionAccepted();
    budget.renew();
    expect(isSpentAfter(budget, 0.25)).toBe(true);
    pass(10);
    budget.renew();
    expect(isSpentAfter(budget, 2)).toBe(true);
    pass(10);
    budget.end();
    budget.renew();
    expect(isSpentAfter(budget, 0.25)).toBe(false);
  });

  it("remains a share of the turn while connections arrive, so that they starve no other work", () => {
    const { turns, budget, pass } = openTurns();
    pass(2);
    turns.connectionAccepted();
    budget.renew();
    expect(isSpentAfter(budget, 0.9)).toBe(false);
  });
});

/** A budget whose work has just ended, on a clock that the test moves. */
function openTurns(): { turns: TurnLength; budget: TurnBudget; pass(ms: number): void } {
  let now = 1_000;
  const turns = new TurnLength(() => now);
  const budget = turns.budget(BOUNDS);
  budget.end();
  const pass = (ms: number): void => {
    now += ms;
  };
  return { turns, budget, pass };
}

function isSpentAfter(budget: TurnBudget, ms: number): boolean {
  budget.spend(ms);
  return budget.isSpent;
}
