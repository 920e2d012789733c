/**
 * Percentages and "n/m" in lines of programs that nobody has heard of. Text is full of such numbers (24/7, 1/2 cup,
 * 85% full), and a bar that jumps is worse than none, so these are the rules:
 *
 * 1. It stands alone: next to no letter, digit, dot, slash, colon or hyphen, as in a version, date, path or address; and
 *    it makes sense: at most 100 %, not more than there are, of at least 2. A line with several of a kind has none.
 * 2. A counter moves. In a line that is drawn over, one look is enough. In lines that follow each other, what comes before
 *    the number has to be the same but for digits, and the number to grow, twice: then the third line counts.
 * 3. Where a line has both, "3/10 (30%)", it is the count.
 */
import { counted, percentage, type Reading } from "./reading.js";
import type { TerminalLine } from "./terminal-lines.js";

export class PlainCounters {
  /** What may become a counter, by what comes before its number; the latest last. */
  readonly #candidates = new Map<string, Candidate>();

  /** The reading of a line that is in no known format; undefined when it has none that can be trusted. */
  read({ text, isDrawnOver }: TerminalLine): Reading | undefined {
    if (!HAS_COUNTER.test(text)) return undefined;
    const found = only(text, COUNT, countOf) ?? only(text, PERCENT, percentOf);
    return found && (isDrawnOver || this.#hasMoved(found)) ? found.reading : undefined;
  }

  #hasMoved({ before, reading }: Found): boolean {
    const key = `${before.replaceAll(/\d+/g, "#")} ${reading.volume}`;
    const { done = -1, growths = -1 } = this.#candidates.get(key) ?? {};
    const grown = reading.done > done ? growths + 1 : growths;
    this.#candidates.delete(key);
    this.#candidates.set(key, {
      done: Math.max(done, reading.done),
      growths: reading.done < done ? 0 : grown,
    });
    const [oldest] = this.#candidates.keys();
    if (this.#candidates.size > CANDIDATES_MAX) this.#candidates.delete(oldest!); // there is one
    return grown >= GROWTHS_NEEDED && reading.done >= done;
  }
}

interface Candidate {
  readonly done: number;
  /** How often it has grown since it was first seen, or went back. */
  readonly growths: number;
}

interface Found {
  /** The text before the number. */
  readonly before: string;
  readonly reading: Reading;
}

function only(
  text: string,
  pattern: RegExp,
  read: (match: RegExpMatchArray, before: string) => Reading | undefined,
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
): Reading | undefined {
  const [some, all] = [numberOf(done), numberOf(volume)];
  return some <= all && all >= 2 ? counted("count", labelOf(before), some, all) : undefined;
}

function percentOf({ groups: { percent = "" } = {} }: RegExpMatchArray, before: string): Reading | undefined {
  const label = labelOf(before);
  return percentage(`percent ${label}`, label, percent, 1_000);
}

/** The words before the number, without other numbers and bars, which change. */
function labelOf(before: string): string {
  const words = before.replaceAll(/\[[^\]]*\]?|[\d#=>|█▉▊▋▌▍▎▏░▒▓━╸╺.]+/gu, " ");
  return words.replaceAll(/\s+/g, " ").trim().slice(0, LABEL_MAX);
}

function numberOf(digits: string): number {
  return Number(digits.replaceAll(/[ ,_'\u00a0\u202f]/gu, ""));
}

const GROWTHS_NEEDED = 2;
const CANDIDATES_MAX = 16;
const LABEL_MAX = 60;

const HAS_COUNTER = /\d\s*%|\d\s*\/\s*\d|\d of \d/u;
/** A whole number, also with thousands apart: 1234, 1,234, 1 234, 1_234, 1'234. */
const NUMBER = String.raw`\d{1,3}(?:[,_'\u00a0\u202f ]\d{3})+|\d{1,15}`;
const COUNT = new RegExp(
  String.raw`(?<![\p{L}\d./:_,'-])(?<done>${NUMBER})(?: ?\/ ?| of )(?<volume>${NUMBER})(?![\p{L}\d/:_-]|[.,]\d)`,
  "gu",
);
const PERCENT = /(?<![\p{L}\d./:_,-])(?<percent>\d{1,3}(?:[.,]\d+)?) ?%(?![\p{L}\d])/gu;
