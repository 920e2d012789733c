/** Durations for people. Units are s, m, h and d; all inputs are in milliseconds. */

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** At most two units, the second padded so that the width stays stable: `42s`, `3m 07s`, `2h 05m`, `3d 04h`. */
export function durationText(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.max(0, Math.floor(ms / SECOND_MS))}s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)}m ${twoDigits((ms % MINUTE_MS) / SECOND_MS)}s`;
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)}h ${twoDigits((ms % HOUR_MS) / MINUTE_MS)}m`;
  return `${Math.floor(ms / DAY_MS)}d ${twoDigits((ms % DAY_MS) / HOUR_MS)}h`;
}

/**
 * The time left as a range, rounded outwards: `2–5m`, `26m–2h`. Close ends merge: `~5m`. If the job may end at any
 * moment, the range has only an upper end: `<3h`. After the upper end it is `overdue`.
 */
export function timeLeftText(
  { earliest, latest }: { readonly earliest: string; readonly latest: string },
  now: number,
): string {
  const [fromMs, toMs] = [Date.parse(earliest) - now, Date.parse(latest) - now];
  if (toMs <= 0) return "overdue";
  const toUnit = unitFor(toMs);
  const to = Math.ceil(toMs / toUnit.ms);
  if (fromMs < SECOND_MS) return `<${to}${toUnit.name}`;
  const fromUnit = unitFor(fromMs);
  const from = Math.floor(fromMs / fromUnit.ms);
  if (fromUnit !== toUnit) return `${from}${fromUnit.name}–${to}${toUnit.name}`;
  const isClose = from === to || (from > 1 && to - from === 1);
  return isClose ? `~${to}${toUnit.name}` : `${from}–${to}${toUnit.name}`;
}

/** The age in one unit: `just now`, `12s ago`, `3m ago`. */
export function agoText(ms: number): string {
  if (ms < 2 * SECOND_MS) return "just now";
  const unit = unitFor(ms);
  return `${Math.floor(ms / unit.ms)}${unit.name} ago`;
}

const SECOND = { ms: SECOND_MS, name: "s" };
const MINUTE = { ms: MINUTE_MS, name: "m" };
const HOUR = { ms: HOUR_MS, name: "h" };
const DAY = { ms: DAY_MS, name: "d" };

/** The unit that gives one or two significant digits. */
function unitFor(ms: number): typeof SECOND {
  if (ms < 90 * SECOND_MS) return SECOND;
  if (ms < 90 * MINUTE_MS) return MINUTE;
  return ms < 48 * HOUR_MS ? HOUR : DAY;
}

function twoDigits(value: number): string {
  return String(Math.floor(value)).padStart(2, "0");
}
