import type { WriteStream } from "node:tty";

/**
 * Draws and redraws lines on the alternate screen of a terminal. Each line is placed by its row, so a resize moves
 * nothing. Only changed lines are written, in one synchronized update, so nothing flickers. Closing restores the
 * previous screen.
 *
 *     using screen = new LiveScreen(process.stdout);
 *     screen.draw(["one", "two"]);
 */
export class LiveScreen implements Disposable {
  readonly #stream: WriteStream;
  #lines: readonly string[] = [];
  /** Whether the screen shows `#lines`, as far as we know. */
  #isDrawn = false;
  #isOpen = false;

  /** The first `draw` opens the alternate screen. */
  constructor(stream: WriteStream) {
    this.#stream = stream;
  }

  /** The size of the terminal. Some terminals report 0. */
  get size(): { readonly columns: number; readonly rows: number } {
    return { columns: this.#stream.columns || 80, rows: this.#stream.rows || 24 };
  }

  /** Whether the terminal has not yet accepted the previous output. Drawing more would only queue. */
  get isBusy(): boolean {
    return this.#stream.writableNeedDrain;
  }

  /** @param lines must fit on the screen and contain no line breaks */
  draw(lines: readonly string[]): void {
    const changes = this.#isDrawn ? this.#changes(lines) : CLEAR + linesAt(lines.entries());
    this.#lines = lines;
    this.#isDrawn = true;
    if (changes !== "") this.#write(SYNC + changes + END_SYNC);
  }

  /** Makes the next `draw` write all lines, because a resize or a suspension may have changed the screen. */
  forget(): void {
    this.#isDrawn = false;
  }

  /** Restores the terminal. Safe to call twice. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#isDrawn = false;
    this.#stream.write(LEAVE);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #changes(lines: readonly string[]): string {
    const changed = [...lines.entries()].filter(([row, line]) => line !== this.#lines[row]);
    const rest = lines.length < this.#lines.length ? at(lines.length) + ERASE_BELOW : "";
    return linesAt(changed) + rest;
  }

  #write(text: string): void {
    this.#stream.write((this.#isOpen ? "" : ENTER) + text);
    this.#isOpen = true;
  }
}

/** Alternate screen, no cursor, no wrapping: a line that is wider than measured is cut and moves no other line. */
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";
const SYNC = "\u001b[?2026h";
const END_SYNC = "\u001b[?2026l";
const CLEAR = "\u001b[2J";
const ERASE_BELOW = "\u001b[J";
/** Precedes a line, because nothing can be erased beyond the last column. */
const ERASE_LINE = "\u001b[2K";

function linesAt(lines: Iterable<readonly [number, string]>): string {
  return [...lines].map(([row, line]) => at(row) + ERASE_LINE + line).join("");
}

function at(row: number): string {
  return `\u001b[${row + 1};1H`;
}
