const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

/**
 * Formats a duration in words, as `gds.listProgress` does: whole seconds, without units that are zero at either
 * end. Examples: `42 seconds`, `1 minute`, `1 hour 0 minutes 5 seconds`. A negative duration gives `0 seconds`.
 */
export function elapsedText(milliseconds: number): string {
  let rest = Math.max(0, Math.floor(milliseconds / 1_000));
  const counts = UNITS.map(([unit, seconds]) => {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    return { unit, count };
  });
  const first = counts.findIndex(({ count }) => count > 0);
  if (first === -1) return "0 seconds";
  const last = counts.findLastIndex(({ count }) => count > 0);
  return counts
    .slice(first, last + 1)
    .map(({ unit, count }) => `${count} ${unit}${count === 1 ? "" : "s"}`)
    .join(" ");
}
