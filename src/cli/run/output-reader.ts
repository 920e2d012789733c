import { FormatContext, readFormat } from "./formats.js";
import { PlainCounters } from "./plain-counters.js";
import type { Reading } from "./reading.js";
import { TerminalLines, type TerminalLine } from "./terminal-lines.js";

/** Takes what there is to know of an output. */
export interface OutputObserver {
  reading(reading: Reading): void;
  /** A line that says something else, and will not be drawn over. */
  line(text: string): void;
}

/** Reads one output of a program: bytes, cut anywhere, become readings and lines. */
export class OutputReader {
  readonly #observer: OutputObserver;
  readonly #terminal = new TerminalLines();
  readonly #counters = new PlainCounters();
  readonly #context = new FormatContext();

  constructor(observer: OutputObserver) {
    this.#observer = observer;
  }

  write(bytes: Uint8Array): void {
    for (const line of this.#terminal.write(bytes)) this.#take(line);
  }

  /** Bytes were left out. */
  lose(): void {
    this.#terminal.lose();
  }

  /** Nothing has come for a moment, and so the last row stands there as it is meant; more may come all the same. */
  rest(): void {
    const { row } = this.#terminal;
    for (const reading of this.#readings(row) ?? []) this.#observer.reading(reading);
  }

  /** No more comes. */
  end(): void {
    const { row } = this.#terminal;
    if (row.text !== "") this.#take(row);
    this.#terminal.lose();
  }

  #take(line: TerminalLine): void {
    const readings = this.#readings(line);
    for (const reading of readings ?? []) this.#observer.reading(reading);
    if (readings || line.isDrawnOver) return;
    this.#context.take(line.text);
    this.#observer.line(line.text);
  }

  /** Undefined where the line is none that counts. */
  #readings(line: TerminalLine): readonly Reading[] | undefined {
    const known = readFormat(line.text, this.#context);
    if (known) return known;
    const plain = this.#counters.read(line);
    return plain && [plain];
  }
}
