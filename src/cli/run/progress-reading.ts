/** What one line says of how far its program is. */
export interface ProgressReading {
  /** Which of the counters that a program draws side by side it is; the same for as long as one counter goes on. */
  readonly series: string;
  /** What is counted there, for people; empty where nothing says so. */
  readonly label: string;
  /** Whole units, at most the volume; of a percentage as many decimals as it is told with, two at most. */
  readonly done: number;
  /** Undefined while the program itself does not know it. */
  readonly volume: number | undefined;
  /** It says something only of a counter that was seen before. */
  readonly isContinuation?: true;
}

/** A reading of so many of so many, undefined when it makes no sense; more than all is all. */
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

/** A percentage as so many of 100 units; undefined for what is above 100. */
export function percentReading(series: string, label: string, percent: string): ProgressReading | undefined {
  const value = Number(percent.replace(",", "."));
  if (!(value <= 100)) return undefined;
  return { series, label: trimLabel(label), done: Math.floor(value * 100 + ROUNDING) / 100, volume: 100 };
}

/** "1.5M", "12 kB", "1,234", "64.00K", "900": what is meant, as a number; each step of a unit is 1,000. */
export function parseSize(text: string): number {
  const [, digits = "", unit = ""] = SIZE.exec(text.trim()) ?? [];
  return Number(digits.replaceAll(",", "")) * 1_000 ** UNITS.indexOf(unit.toUpperCase());
}

/** Without the signs that lead over to the number. */
function trimLabel(label: string): string {
  return label.replace(/^[^\p{L}\p{N}]+/u, "").replace(/[\s:.,;|([{<=-]+$/u, "");
}

/** 0.29 * 100 is less than 29. */
const ROUNDING = 1e-9;
const SIZE = /^([\d.,]+)\s*([kKMGTPEZY]?)(?:i?B|bytes)?$/;
const UNITS = ["", "K", "M", "G", "T", "P", "E", "Z", "Y"];
