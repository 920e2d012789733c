/**
 * A span of time as people write it ("90s", "1h30m") and as programs count it (milliseconds). A number
 * without a unit is refused rather than guessed: "60" has been minutes to one and milliseconds to another.
 *
 *     parseDuration("1h30m")      // 5400000
 *     formatDuration(5_400_000)   // "1h30m"
 */

/**
 * The milliseconds of a duration: whole numbers with the units d, h, m, s, ms, the largest first and each
 * at most once. Throws a RangeError whose message says how to write it.
 */
export function parseDuration(text: string): number {
  if (/^\d+$/.test(text)) throw new RangeError(`"${text}" has no unit, write ${text}s, ${text}m or ${text}h`);
  const match = DURATION.exec(text);
  if (match === null || text === "")
    throw new RangeError(`"${text}" is no duration, write it like ${EXAMPLES}`);
  const ms = UNITS.reduce((sum, { length }, index) => sum + Number(match[index + 1] ?? 0) * length, 0);
  if (!Number.isSafeInteger(ms)) throw new RangeError(`"${text}" is longer than can be counted`);
  return ms;
}

/** A whole number of milliseconds (0 or more) in the form that `parseDuration` reads; 0 is "0s". */
export function formatDuration(ms: number): string {
  if (!Number.isSafeInteger(ms) || ms < 0) throw new TypeError(`${ms} is not a whole number of milliseconds`);
  const parts = UNITS.map(({ unit, length }, index) => {
    const count = Math.floor((ms % (UNITS[index - 1]?.length ?? Infinity)) / length);
    return count === 0 ? "" : `${count}${unit}`;
  });
  return parts.join("") || "0s";
}

const EXAMPLES = "500ms, 90s, 1h30m or 7d";

const UNITS = [
  { unit: "d", length: 86_400_000 },
  { unit: "h", length: 3_600_000 },
  { unit: "m", length: 60_000 },
  { unit: "s", length: 1_000 },
  { unit: "ms", length: 1 },
] as const;

const DURATION = new RegExp(`^${UNITS.map(({ unit }) => `(?:(\\d+)${unit})?`).join("")}$`);
