/** Lengths of time as they are shown. */

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Two units at most, the second one with two digits, so that it does not jump: `42s`, `3m 07s`, `2h 05m`, `3d 04h`. */
export function durationText(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)}s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)}m ${twoDigits((ms % MINUTE_MS) / SECOND_MS)}s`;
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)}h ${twoDigits((ms % HOUR_MS) / MINUTE_MS)}m`;
  return `${Math.floor(ms / DAY_MS)}d ${twoDigits((ms % DAY_MS) / HOUR_MS)}h`;
}

/**
 * A range in the unit that its end is told in, rounded outwards: `40–55s`, `2–4 min`, `< 3 h` where it may begin at once.
 * What can't be told closer is one number: `~5 min`.
 */
export function rangeText(fromMs: number, toMs: number): string {
  const [unitMs, unit] = unitFor(toMs);
  const from = Math.floor(Math.max(0, fromMs) / unitMs);
  const to = Math.max(1, Math.ceil(toMs / unitMs));
  if (from === 0) return `< ${to}${unit}`;
  return to - from <= 1 && from > 1 ? `~${to}${unit}` : `${from}–${to}${unit}`;
}

/** How long ago, in one unit: `just now`, `12s ago`, `3 min ago`. */
export function agoText(ms: number): string {
  if (ms < 2 * SECOND_MS) return "just now";
  const [unitMs, unit] = unitFor(ms);
  return `${Math.floor(ms / unitMs)}${unit} ago`;
}

function unitFor(ms: number): readonly [unitMs: number, unit: string] {
  if (ms < 90 * SECOND_MS) return [SECOND_MS, "s"];
  if (ms < 90 * MINUTE_MS) return [MINUTE_MS, " min"];
  if (ms < 48 * HOUR_MS) return [HOUR_MS, " h"];
  return [DAY_MS, " d"];
}

function twoDigits(value: number): string {
  return String(Math.floor(value)).padStart(2, "0");
}
