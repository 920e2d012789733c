/**
 * Turns the bytes of an output into lines, as a person at a terminal reads them. It emulates a terminal with one row:
 * carriage returns and backspaces draw over the row, colours are dropped, and a cursor move to another row ends the
 * row. Unlike on a real terminal, text after a carriage return starts on an empty row, which is what programs intend.
 *
 *     new TerminalLines().write(bytes("a 10%\ra 20%\nb"))   [a 10%, drawn over], [a 20%, drawn over]; "b" is unfinished
 *
 * Chunks may be cut anywhere: within a character, or a sequence that moves the cursor.
 */

export interface TerminalLine {
  /** Without control characters and trailing spaces; at most 1,000 UTF-16 units. */
  readonly text: string;
  /** Whether the line was drawn over or replaces such a line, as animated counters do. */
  readonly isDrawnOver: boolean;
}

export class TerminalLines {
  readonly #decoder = new TextDecoder();
  /** The beginning of an incomplete escape sequence. */
  #cutSequence = "";
  #row = "";
  #column = 0;
  /** Whether the cursor moved back, so that the next text draws over the row. */
  #hasGoneBack = false;
  #isDrawnOver = false;
  /** Whether bytes were skipped: the rest of the current line is ignored. */
  #isInSkippedLine = false;
  #lines: TerminalLine[] = [];

  /** Returns the lines drawn, in order, without blank lines. */
  write(bytes: Uint8Array): readonly TerminalLine[] {
    const text = this.#cutSequence + this.#decoder.decode(bytes, { stream: true });
    const end = text.length - (CUT_SEQUENCE.exec(text.slice(-SEQUENCE_MAX))?.[0].length ?? 0);
    this.#cutSequence = text.slice(end);
    for (const [token] of text.slice(0, end).matchAll(TOKEN)) this.#take(token);
    return this.#takeLines();
  }

  /** The current row, which may be unfinished. */
  get row(): TerminalLine {
    return { text: this.#row.trimEnd(), isDrawnOver: this.#isDrawnOver };
  }

  /** Call this after bytes were skipped. Ignores the rest of the current line, which is incomplete. */
  skip(): void {
    this.#decoder.decode();
    this.#cutSequence = "";
    this.#startRow();
    this.#isInSkippedLine = true;
  }

  #take(token: string): void {
    const first = token.charCodeAt(0);
    if (first === RETURN || first === NEWLINE) this.#isInSkippedLine = false;
    if (this.#isInSkippedLine) return;
    if (first === NEWLINE) return this.#endRow(this.#isDrawnOver);
    if (first === RETURN) return this.#moveTo(0);
    if (first === BACKSPACE) return this.#moveTo(this.#column - 1);
    if (first === TAB) return this.#print(" ");
    if (first === ESCAPE) return this.#applySequence(token);
    if (first > LAST_CONTROL && (first < FIRST_C1 || first > LAST_C1)) this.#print(token);
  }

  #applySequence(sequence: string): void {
    const command = sequence.at(-1)!; // a sequence has at least two characters
    const count = Number.parseInt(sequence.slice(2), 10) || 1;
    if (sequence === RESTORE_CURSOR) return this.#endRow(true);
    if (sequence[1] !== "[") return;
    if (command === "C") return this.#moveTo(this.#column + count);
    if (command === "D") return this.#moveTo(this.#column - count);
    if (command === "G") return this.#moveTo(count - 1);
    if (command === "K") return this.#erase(sequence);
    if (OTHER_ROW.includes(command)) this.#endRow(true);
  }

  #moveTo(column: number): void {
    if (column < this.#column) this.#hasGoneBack = true;
    this.#column = Math.min(Math.max(column, 0), COLUMNS_MAX);
  }

  #erase(sequence: string): void {
    const isFromHere = sequence === "\u001b[K" || sequence === "\u001b[0K";
    if (isFromHere && this.#column >= this.#row.length) return;
    this.#draw();
    this.#row = isFromHere ? this.#row.slice(0, this.#column) : "";
  }

  #print(text: string): void {
    if (this.#hasGoneBack) this.#drawOver();
    const before = this.#row.slice(0, this.#column).padEnd(this.#column);
    const after = this.#row.slice(this.#column + text.length);
    this.#row = before + text.slice(0, COLUMNS_MAX - this.#column) + after;
    this.#column = Math.min(this.#column + text.length, COLUMNS_MAX);
  }

  #drawOver(): void {
    this.#draw();
    if (this.#column === 0) this.#row = "";
    this.#hasGoneBack = false;
  }

  /** Emits the row, which is about to be drawn over. */
  #draw(): void {
    if (this.#row.trimEnd() === "") return;
    this.#isDrawnOver = true;
    this.#lines.push(this.row);
  }

  #endRow(isDrawnOver: boolean): void {
    const text = this.#row.trimEnd();
    if (text !== "") this.#lines.push({ text, isDrawnOver });
    this.#startRow();
  }

  #startRow(): void {
    this.#row = "";
    this.#column = 0;
    this.#hasGoneBack = false;
    this.#isDrawnOver = false;
  }

  #takeLines(): readonly TerminalLine[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }
}

const COLUMNS_MAX = 1_000;
/** Longer sequences are treated as text. */
const SEQUENCE_MAX = 500;

const BACKSPACE = 0x08;
const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const ESCAPE = 0x1b;
const LAST_CONTROL = 0x1f;
const FIRST_C1 = 0x7f;
const LAST_C1 = 0x9f;
const RESTORE_CURSOR = "\u001b8";
/** Commands that move the cursor to another row or clear other rows. */
const OTHER_ROW = "ABEFHJSTdf";

/** Text, an escape sequence, or one control character. */
const TOKEN = new RegExp(
  [
    String.raw`[^\p{Cc}]+`,
    String.raw`\x1b\[[0-?]*[ -/]*[@-~]`,
    String.raw`\x1b\][^\x07\x1b]{0,500}(?:\x07|\x1b\\)`,
    String.raw`\x1b[ -/]*[0-Z\\^-~]`,
    String.raw`\p{Cc}`,
  ].join("|"),
  "gu",
);
const CUT_SEQUENCE = new RegExp(String.raw`\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?|[ -/]*)$`, "u");
