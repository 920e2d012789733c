import type { Limits } from "../../protocol/limits.js";
import { limitExceeded, TidemarkError } from "../../protocol/tidemark-error.js";

// Checks of numbers that clients choose. A number above a configured limit is LIMIT_EXCEEDED and names the
// setting (law 16); any other number out of range is BAD_USER_INPUT.

/** @throws TidemarkError BAD_USER_INPUT if the value is not between `min` and `max`. */
export function checkRange(name: string, value: number, min: number, max: number): void {
  if (value < min || value > max) throw outOfRange(name, value, min, max);
}

/**
 * Checks the number of items that a client requests.
 * @throws TidemarkError BAD_USER_INPUT below 0, LIMIT_EXCEEDED above the limit.
 */
export function checkSize(name: string, value: number, limit: keyof Limits, limits: Limits): void {
  if (value < 0) throw outOfRange(name, value, 0, limits[limit]);
  checkBound((size) => `${name} is ${size}`, value, limit, limits);
}

/** Pages of the names of databases and users. */
export const NAMES_PER_PAGE = { defaultValue: 100, limit: "pageSizeMax" } as const;

/**
 * Checks like `checkSize` and returns the size. The schema's default is valid on every server: it becomes the limit if
 * that is lower.
 */
export function sizeWithin(
  name: string,
  value: number,
  { defaultValue, limit }: { defaultValue: number; limit: keyof Limits },
  limits: Limits,
): number {
  if (value !== defaultValue) checkSize(name, value, limit, limits);
  return Math.min(value, limits[limit]);
}

/**
 * @param describe returns the start of the error message.
 * @throws TidemarkError LIMIT_EXCEEDED if the value is above the limit.
 */
export function checkBound(
  describe: (value: number) => string,
  value: number,
  limit: keyof Limits,
  limits: Limits,
): void {
  if (value > limits[limit]) throw limitExceeded(limit, describe(value), limits[limit]);
}

function outOfRange(name: string, value: number, min: number, max: number): TidemarkError {
  return new TidemarkError(
    "BAD_USER_INPUT",
    `Invalid ${name} ${value}: expected a whole number from ${min} to ${max}.`,
  );
}
