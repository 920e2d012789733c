import { expect, it } from "vitest";
import { ReconnectDelays } from "../../../src/client/watch/reconnect-delays.js";

it("the first break is mended at once; then pauses double, up to half a minute", () => {
  const pauses = new ReconnectDelays(() => 1);

  expect(Array.from({ length: 9 }, () => pauses.next())).toEqual([
    0, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000,
  ]);
});

it("pauses are scattered over the longer half", () => {
  const [soon, late] = [new ReconnectDelays(() => 0), new ReconnectDelays(() => 1)];
  soon.next();
  late.next();

  expect([soon.next(), late.next()]).toEqual([250, 500]);
});

it("nobody comes back at once to a server that goes away; only the pause after that one is no longer", () => {
  const pauses = new ReconnectDelays(() => 1);

  expect([pauses.next(true), pauses.next(), pauses.next()]).toEqual([500, 500, 1_000]);
});

it("after a connection that has held, a break is a first one again", () => {
  const pauses = new ReconnectDelays(() => 1);
  pauses.next();
  pauses.next();
  pauses.reset();

  expect(pauses.next()).toBe(0);
});
