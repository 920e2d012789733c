import type { Limits } from "../../protocol/limits.js";
import { limitExceeded, TidemarkError } from "../../protocol/tidemark-error.js";

/**
 * Numbers that clients choose. What can't be meant is BAD_USER_INPUT; what is only too much is
 * LIMIT_EXCEEDED and names the setting (law 16).
 */

/** @throws TidemarkError BAD_USER_INPUT for a value outside `min` to `max`. */
export function checkRange(name: string, value: number, min: number, max: number): void {
  if (value < min || value > max) throw outOfRange(name, value, min, max);
}

/**
 * How many items a client asks for, from `min` to a bound.
 * @throws TidemarkError BAD_USER_INPUT below, LIMIT_EXCEEDED above.
 */
export function checkSize(name: string, value: number, limit: keyof Limits, limits: Limits, min = 1): void {
  if (value < min) throw outOfRange(name, value, min, limits[limit]);
  checkBound((size) => `${name} is ${size}`, value, limit, limits);
}

/** @throws TidemarkError LIMIT_EXCEEDED for a value above the bound, beginning with what `tell` makes of it. */
export function checkBound(
  tell: (value: number) => string,
  value: number,
  limit: keyof Limits,
  limits: Limits,
): void {
  if (value > limits[limit]) throw limitExceeded(limit, tell(value), limits[limit]);
}

function outOfRange(name: string, value: number, min: number, max: number): TidemarkError {
  return new TidemarkError(
    "BAD_USER_INPUT",
    `${name} is ${value}; give a whole number from ${min} to ${max}.`,
  );
}
