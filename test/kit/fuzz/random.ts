import { seededRandom } from "../deterministic/seeded-random.js";

/** Seeded random choices, and random damage to texts and bytes. */
export class FuzzRandom {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** A whole number from 0 up to, but not including, `end`. */
  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** Up to `max` results of `make`. */
  some<T>(max: number, make: () => T): T[] {
    return Array.from({ length: this.below(max + 1) }, make);
  }

  /** A hostile name. New names are rare, so that stored data stays bounded. */
  name(): string {
    return this.chance(0.95) ? this.pick(HOSTILE_NAMES) : this.mutatedText(this.pick(HOSTILE_NAMES));
  }

  /** `text` with random damage. */
  mutatedText(text: string): string {
    let mutated = text;
    for (let left = 1 + this.below(4); left > 0; left--) mutated = this.#accident(mutated);
    return mutated.slice(0, TEXT_LENGTH_MAX);
  }

  /** `bytes` with random damage. */
  mutatedBytes(bytes: Buffer): Buffer {
    const mutated = Buffer.from(this.mutatedText(bytes.toString("latin1")), "latin1");
    for (let left = this.below(8); left > 0 && mutated.length > 0; left--)
      mutated[this.below(mutated.length)] = this.below(256);
    return mutated;
  }

  #accident(text: string): string {
    const [from, to] = [this.below(text.length + 1), this.below(text.length + 1)].toSorted((a, b) => a - b);
    const [before, span, after] = [text.slice(0, from), text.slice(from, to), text.slice(to)];
    switch (this.below(6)) {
      case 0:
        return before + after;
      case 1:
        return before + span.repeat(1 + this.below(8)) + after;
      case 2:
        return before + this.pick(PIECES) + span + after;
      case 3:
        return before + this.pick(PIECES).repeat(1 + this.below(50)) + after;
      case 4:
        return before + String.fromCharCode(this.below(65_536)) + span.slice(1) + after;
      default:
        return after + span + before;
    }
  }
}

const TEXT_LENGTH_MAX = 30_000;

/** Names that are known to confuse parsers, terminals, file systems and objects. */
const HOSTILE_NAMES: readonly string[] = [
  ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then", "length"],
  ["../../etc/passwd", "C:\\CON", "a/b", ".", "..", "%00", "%2e%2e", "a\u0000b", "a\nb", "\r\nX-Evil: 1"],
  ["'; DROP TABLE jobs; --", "${7*7}", "{{7*7}}", "<script>alert(1)</script>", "$where", "*", "?*[a-z]"],
  ["\u202egnp.exe", "\u200b", "\ufeffa", "\ud800", "\udfff\ud800", "e\u0301", "é", "İ", "ß", "ﬀ", "Å"],
  ["x".repeat(128), "x".repeat(129), "é".repeat(64), "", " ", "0", "-1", "NaN", "null", "undefined", "true"],
].flat();

const PIECES: readonly string[] = [
  [
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    '"',
    '"""',
    "\\",
    "\\u0000",
    "\\ud800",
    ":",
    ",",
    "...",
    "@",
    "$",
    "!",
    "&",
    "|",
  ],
  ["\u0000", "\ufeff", "\u2028", "\r\n", "\r\n\r\n", "\n", "\t", "#", "%00", "é", "💥", "\ud800"],
  [
    "0",
    "-0",
    "1e999",
    "9".repeat(40),
    "true",
    "null",
    "__typename",
    "__schema{types{name}}",
    "query",
    "mutation",
  ],
  ["@skip(if:true)", "@include(if:$x)", "...A", "fragment A on Query{...A}", "$x:Int=1", "a:__typename "],
  ['"__proto__":{"x":1}', '"constructor":1', '"id":"1"', '"type":"subscribe"', "Content-Length: 5\r\n"],
  ["Transfer-Encoding: chunked\r\n", "Upgrade: websocket\r\n", "Expect: 100-continue\r\n", "HTTP/1.1"],
].flat();
