import { ConfigError } from "../../config/config-error.js";
import { parseDuration } from "../../util/duration.js";

interface Range {
  readonly minMs?: number;
  readonly maxMs: number;
}

/** The milliseconds of the value of a flag. @throws ConfigError for another text, and outside of the range. */
export function durationOption(
  flag: string,
  text: string,
  { minMs = 0, maxMs }: Range,
  expected: string,
): number {
  try {
    const ms = parseDuration(text);
    if (ms >= minMs && ms <= maxMs) return ms;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new ConfigError(flag, text, expected);
}
