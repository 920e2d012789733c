import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenBucket } from "../../src/util/token-bucket.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";

describe("a token bucket", () => {
  it("allows a burst of one second's worth, then one token per interval", () => {
    const clock = new ManualClock(1_000_000);
    const bucket = new TokenBucket(2, clock);

    const first = [bucket.take(), bucket.take(), bucket.take()];
    clock.advance(500);
    const next = [bucket.take(), bucket.take()];

    expect([first, next]).toEqual([
      [0, 0, 500],
      [0, 500],
    ]);
  });

  it("never contains more than one second's worth", () => {
    const clock = new ManualClock();
    const bucket = new TokenBucket(2, clock);

    clock.advance(3_600_000);

    expect([bucket.isFull, bucket.take(), bucket.take(), bucket.take(), bucket.isFull]).toEqual([
      true,
      0,
      0,
      500,
      false,
    ]);
  });

  it("delays a caller by at most one second when the clock is set back", () => {
    const clock = new ManualClock();
    const bucket = new TokenBucket(1, clock);
    bucket.take();

    clock.setBack(3_600_000);

    expect(bucket.take()).toBe(1_000);
  });

  it("grants at most one burst plus the tokens of the elapsed time", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.array(fc.nat(700)), (perSecond, pauses) => {
        const clock = new ManualClock();
        const bucket = new TokenBucket(perSecond, clock);

        const taken = pauses.filter((pause) => takenAfter(bucket, clock, pause));

        expect(taken.length).toBeLessThanOrEqual(perSecond + (clock.now() * perSecond) / 1_000);
      }),
    );
  });
});

function takenAfter(bucket: TokenBucket, clock: ManualClock, pause: number): boolean {
  clock.advance(pause);
  return bucket.take() === 0;
}
