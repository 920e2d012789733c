/** The progress that one line of output reports. */
export interface ProgressReading {
  /** The key of the counter, which tells simultaneous counters apart. Stable for the life of a counter. */
  readonly series: string;
  /** The label of the counter for people, or empty. */
  readonly label: string;
  /** Whole units, at most the volume. Percentages have up to two decimals. */
  readonly done: number;
  /** Undefined while the program does not report it. */
  readonly volume: number | undefined;
  /** Whether the reading may only continue a counter, not begin one. */
  readonly isContinuation?: true;
}

/** A reading of a count. Undefined if implausible; `done` is limited to the volume. */
export function countReading(
  series: string,
  label: string,
  done: number,
  volume: number | undefined,
): ProgressReading | undefined {
  const whole = Math.round(done);
  const all = volume === undefined ? undefined : Math.round(volume);
  if (!Number.isSafeInteger(whole) || whole < 0) return undefined;
  if (all !== undefined && !(Number.isSafeInteger(all) && all > 0)) return undefined;
  return { series, label: trimLabel(label), done: Math.min(whole, all ?? whole), volume: all };
}

/** A reading of a percentage, with a volume of 100. Undefined above 100. */
export function percentReading(series: string, label: string, percent: string): ProgressReading | undefined {
  const value = Number(percent.replace(",", "."));
  if (!(value <= 100)) return undefined;
  return { series, label: trimLabel(label), done: Math.floor(value * 100 + ROUNDING) / 100, volume: 100 };
}

/** Parses "1.5M", "12 kB", "1,234", "64.00K" or "900". Each unit prefix is a factor of 1,000. */
export function parseSize(text: string): number {
  const [, digits = "", unit = ""] = SIZE.exec(text.trim()) ?? [];
  return Number(digits.replaceAll(",", "")) * 1_000 ** UNITS.indexOf(unit.toUpperCase());
}

/** Removes the punctuation around a label. */
function trimLabel(label: string): string {
  return label.replace(/^[^\p{L}\p{N}]+/u, "").replace(/[\s:.,;|([{<=-]+$/u, "");
}

/** Compensates floating point: 0.29 * 100 is less than 29. */
const ROUNDING = 1e-9;
const SIZE = /^([\d.,]+)\s*([kKMGTPEZY]?)(?:i?B|bytes)?$/;
const UNITS = ["", "K", "M", "G", "T", "P", "E", "Z", "Y"];
