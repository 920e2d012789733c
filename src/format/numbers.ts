/** Numbers for people: short forms for tables, exact forms for detail. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const LETTERS = ["", "k", "M", "G", "T", "P"] as const;
const BYTES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** All digits: `1,234,567`. */
export function exactCount(value: number): string {
  return whole.format(value);
}

/** At most six characters: `9,999`, `12.3k`, `1.23M`. Rounded down, so that unfinished work never looks finished. */
export function shortCount(value: number): string {
  if (value < 10_000) return whole.format(Math.floor(value));
  const power = Math.min(LETTERS.length - 1, Math.floor(Math.log10(value) / 3));
  return `${threeDigits(value / 1_000 ** power)}${LETTERS[power]}`;
}

/** `1 job`, `1,200 jobs`. */
export function plural(count: number, noun: string): string {
  return `${exactCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A rate per second, minute or hour, whichever gives a value of at least 1: `1,204/s`, `4.2/min`, `3.0/h`. */
export function rateText(perSecond: number): string {
  if (perSecond === 0) return "0/s";
  if (perSecond >= 10) return `${shortCount(perSecond)}/s`;
  if (perSecond >= 1) return `${perSecond.toFixed(1)}/s`;
  if (perSecond * 60 >= 1) return `${(perSecond * 60).toFixed(1)}/min`;
  return `${(perSecond * 3_600).toFixed(1)}/h`;
}

/** `512 B`, `1.5 KiB`, `24 GiB`. */
export function bytesText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(BYTES.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1_024 ** power;
  return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)} ${BYTES[power]}`;
}

function threeDigits(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const factor = 10 ** digits;
  return (Math.floor(value * factor) / factor).toFixed(digits);
}
