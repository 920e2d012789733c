import { describe, expect, it } from "vitest";
import { RetryDelay } from "../../../src/client/transport/retry-delay.js";

const OPTIONS = { longestMs: 30_000, isFirstImmediate: true };

describe("A retry delay", () => {
  it("is 0 for the first retry, then doubles up to the bound", () => {
    const delay = new RetryDelay({ ...OPTIONS, random: () => 1 });

    expect(Array.from({ length: 9 }, () => delay.nextMs())).toEqual([
      0, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000,
    ]);
  });

  it("has jitter over its upper half", () => {
    const [shortest, longest] = [0, 1].map(
      (random) => new RetryDelay({ longestMs: 500, random: () => random }),
    );

    expect([shortest!.nextMs(), longest!.nextMs()]).toEqual([250, 500]);
  });

  it("is never 0 after the server announced that it stops", () => {
    const delay = new RetryDelay({ ...OPTIONS, random: () => 1 });

    expect([delay.nextMs(true), delay.nextMs(), delay.nextMs()]).toEqual([500, 500, 1_000]);
  });

  it("starts over after a success", () => {
    const delay = new RetryDelay({ ...OPTIONS, random: () => 1 });
    delay.nextMs();
    delay.nextMs();
    delay.reset();

    expect(delay.nextMs()).toBe(0);
  });
});
