/**
 * Parses a duration such as `90s` or `1h30m` into milliseconds: whole numbers with the units d, h, m, s and ms, the
 * largest first, each at most once. A unit is required, because "60" could mean seconds or milliseconds.
 * @throws RangeError whose message shows the expected form
 */
export function parseDuration(text: string): number {
  if (/^\d+$/.test(text)) throw new RangeError(`"${text}" has no unit: write ${text}s, ${text}m or ${text}h`);
  const match = DURATION.exec(text);
  if (match === null || text === "") throw new RangeError(`"${text}" is not a duration such as ${EXAMPLES}`);
  const ms = UNITS.reduce((sum, { length }, index) => sum + Number(match[index + 1] ?? 0) * length, 0);
  if (!Number.isSafeInteger(ms)) throw new RangeError(`"${text}" is too long`);
  return ms;
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
