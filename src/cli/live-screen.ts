import type { WriteStream } from "node:tty";

/**
 * Lines that are drawn again and again on a terminal, on its alternate screen: what was there before comes back at the
 * end, and a resize moves nothing, as each line has its place. Only lines that differ are written, all at once, so
 * nothing flickers.
 *
 *     using screen = new LiveScreen(process.stdout);
 *     screen.draw(["one", "two"]);
 */
export class LiveScreen implements Disposable {
  readonly #stream: WriteStream;
  #lines: readonly string[] = [];
  /** Whether the screen shows these lines, as far as we know. */
  #isDrawn = false;
  #isOpen = false;

  /** Opened by the first draw. */
  constructor(stream: WriteStream) {
    this.#stream = stream;
  }

  /** Of the terminal; some do not know. */
  get size(): { readonly columns: number; readonly rows: number } {
    return { columns: this.#stream.columns || 80, rows: this.#stream.rows || 24 };
  }

  /** Whether the terminal has not yet taken what was drawn before: then it is no use to draw more. */
  get isBusy(): boolean {
    return this.#stream.writableNeedDrain;
  }

  /** Lines that fit on the screen, without line breaks. */
  draw(lines: readonly string[]): void {
    const changes = this.#isDrawn ? this.#changes(lines) : CLEAR + linesAt(lines.entries());
    this.#lines = lines;
    this.#isDrawn = true;
    if (changes !== "") this.#write(SYNC + changes + END_SYNC);
  }

  /** The terminal may show anything: after a resize, or when the process goes on after a stop. */
  forget(): void {
    this.#isDrawn = false;
  }

  /** Gives the terminal back as it was. Twice is harmless. */
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
    const changed = [...lines.entries()].filter(([place, line]) => line !== this.#lines[place]);
    const rest = lines.length < this.#lines.length ? at(lines.length) + ERASE_BELOW : "";
    return linesAt(changed) + rest;
  }

  #write(text: string): void {
    this.#stream.write((this.#isOpen ? "" : ENTER) + text);
    this.#isOpen = true;
  }
}

/** Alternate screen, no cursor, no wrapping: a line that is wider than measured is cut, and pushes no other away. */
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";
const SYNC = "\u001b[?2026h";
const END_SYNC = "\u001b[?2026l";
const CLEAR = "\u001b[2J";
const ERASE_BELOW = "\u001b[J";
/** Before a line, not after it: behind the last column there is no place to erase from. */
const ERASE_LINE = "\u001b[2K";

function linesAt(lines: Iterable<readonly [number, string]>): string {
  return [...lines].map(([place, line]) => at(place) + ERASE_LINE + line).join("");
}

function at(place: number): string {
  return `\u001b[${place + 1};1H`;
}
