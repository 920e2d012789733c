/**
 * Finds percentages and "n/m" in the output of unknown programs. Text is full of such numbers (24/7, 1/2 cup, 85%
 * full), and no bar is better than a bar that jumps, so these rules apply:
 *
 * 1. The number stands alone: not next to a letter, digit, dot, slash, colon or hyphen, as in a version, date or path.
 *    It is plausible: at most 100 %, or n up to m with m of at least 2. A line with two numbers of the same kind has no
 *    counter.
 * 2. The number moves. In a line that is drawn over, one number is enough, and so is a line that is nothing but the
 *    first step of a count, such as "1/10". In successive lines, the text before the number must be equal except for
 *    digits, and the number must grow: then the second line counts, and both belong to the counter.
 * 3. If a line has both, as in "3/10 (30%)", the count is used.
 */
import { countReading, percentReading, type ProgressReading } from "./progress-reading.js";
import type { TerminalLine } from "./terminal-lines.js";

export class PlainCounters {
  /** Counters and possible counters by the text before the number, least recently seen first. */
  readonly #candidates = new Map<string, Candidate>();

  /** Reads a line that has no known format. Undefined if it has no such number. */
  read({ text, isDrawnOver }: TerminalLine): CounterLine | undefined {
    if (!HAS_COUNTER.test(text)) return undefined;
    const found = only(text, COUNT, countOf) ?? only(text, PERCENT, percentOf);
    if (!found) return undefined;
    const counter = `${found.before.replaceAll(/\d+/g, "#")} ${found.reading.volume}`;
    if (isDrawnOver) return { counter, isCounter: true, reading: found.reading };
    return this.#follow(counter, found.reading, FIRST_STEP.test(text));
  }

  #follow(counter: string, reading: ProgressReading, isFirstStep: boolean): CounterLine {
    const { done = Infinity, isGrowing = false, isCounter = false } = this.#candidates.get(counter) ?? {};
    const counts = isFirstStep || reading.done > done || (isGrowing && reading.done === done);
    const candidate = { done: reading.done, isGrowing: counts, isCounter: isCounter || counts };
    this.#candidates.delete(counter);
    this.#candidates.set(counter, candidate);
    const [oldest] = this.#candidates.keys();
    if (this.#candidates.size > CANDIDATES_MAX) this.#candidates.delete(oldest!); // not empty
    return { counter, isCounter: candidate.isCounter, reading: counts ? reading : undefined };
  }
}

/** A line with a number that may belong to a counter. */
export interface CounterLine {
  /** The same for all lines of one counter. */
  readonly counter: string;
  /** Whether this line, and the earlier ones with the same key, belong to a counter. */
  readonly isCounter: boolean;
  /** Undefined while the number cannot be trusted. */
  readonly reading: ProgressReading | undefined;
}

interface Candidate {
  /** The latest number. */
  readonly done: number;
  /** Whether the number has grown since it was first seen or last decreased. */
  readonly isGrowing: boolean;
  /** Whether it was a counter before. */
  readonly isCounter: boolean;
}

interface Found {
  /** The text before the number. */
  readonly before: string;
  readonly reading: ProgressReading;
}

function only(
  text: string,
  pattern: RegExp,
  read: (match: RegExpMatchArray, before: string) => ProgressReading | undefined,
): Found | undefined {
  const [match, another] = text.matchAll(pattern);
  if (!match || another) return undefined;
  const before = text.slice(0, match.index);
  const reading = read(match, before);
  return reading && { before, reading };
}

function countOf(
  { groups: { done = "", volume = "" } = {} }: RegExpMatchArray,
  before: string,
): ProgressReading | undefined {
  const [some, all] = [numberOf(done), numberOf(volume)];
  return some <= all && all >= 2 ? countReading("count", labelOf(before), some, all) : undefined;
}

function percentOf(
  { groups: { percent = "" } = {} }: RegExpMatchArray,
  before: string,
): ProgressReading | undefined {
  const label = labelOf(before);
  return percentReading(`percent ${label}`, label, percent);
}

/** The words before the number, without other numbers and bars, which change. */
function labelOf(before: string): string {
  const words = before.replaceAll(/\[[^\]]*\]?|[\d#=>|█▉▊▋▌▍▎▏░▒▓━╸╺.]+/gu, " ");
  return words.replaceAll(/\s+/g, " ").trim().slice(0, LABEL_MAX);
}

function numberOf(digits: string): number {
  return Number(digits.replaceAll(/[ ,_'\u00a0\u202f]/gu, ""));
}

const CANDIDATES_MAX = 16;
const LABEL_MAX = 60;

const HAS_COUNTER = /\d\s*%|\d\s*\/\s*\d|\d of \d/u;
/** A whole number, with or without thousands separators: 1234, 1,234, 1 234, 1_234, 1'234. */
const NUMBER = String.raw`\d{1,3}(?:[,_'\u00a0\u202f ]\d{3})+|\d{1,15}`;
const COUNT = new RegExp(
  String.raw`(?<![\p{L}\d./:_,'-])(?<done>${NUMBER})(?: ?\/ ?| of )(?<volume>${NUMBER})(?![\p{L}\d/:_-]|[.,]\d)`,
  "gu",
);
/** A line without a name or a unit: "1/2 cup" is no count. */
const FIRST_STEP = /^\s*[01]\s*\/\s*\d+\s*$/;
const PERCENT = /(?<![\p{L}\d./:_,-])(?<percent>\d{1,3}(?:[.,]\d+)?) ?%(?![\p{L}\d])/gu;
