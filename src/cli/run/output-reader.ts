import { FormatContext, readFormat } from "./progress-formats.js";
import { PlainCounters, type CounterLine } from "./plain-counters.js";
import type { ProgressReading } from "./progress-reading.js";
import { TerminalLines, type TerminalLine } from "./terminal-lines.js";

/** Receives the readings and lines of an output. */
export interface OutputObserver {
  onReading(reading: ProgressReading): void;
  /** A line of text that will not be drawn over. It may later turn out to belong to `counter`. */
  onLine(text: string, counter: string | undefined): void;
  /** A line of a counter. Earlier lines with the same `counter` belong to it too. */
  onCounterLine(text: string, counter: string): void;
}

/** Reads one output stream of a program: turns chunks of bytes into readings and lines. */
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

  /** Call this after bytes were skipped. */
  skip(): void {
    this.#terminal.skip();
  }

  /** Reads the current row although it is unfinished. Call this when the output pauses. */
  readUnfinishedRow(): void {
    this.#read(this.#terminal.row);
  }

  /** Call this after the last bytes. */
  end(): void {
    const { row } = this.#terminal;
    if (row.text !== "") this.#take(row);
    this.#terminal.skip();
  }

  #take(line: TerminalLine): void {
    const { isKnown, plain } = this.#read(line);
    if (isKnown || line.isDrawnOver) return;
    if (plain?.isCounter) return this.#observer.onCounterLine(line.text, plain.counter);
    this.#context.take(line.text);
    this.#observer.onLine(line.text, plain?.counter);
  }

  /** Emits the readings of a line, and returns whether its format is known or what counter it has. */
  #read(line: TerminalLine): { readonly isKnown: boolean; readonly plain?: CounterLine | undefined } {
    const known = readFormat(line.text, this.#context);
    for (const reading of known ?? []) this.#observer.onReading(reading);
    if (known) return { isKnown: true };
    const plain = this.#counters.read(line);
    if (plain?.reading) this.#observer.onReading(plain.reading);
    return { isKnown: false, plain };
  }
}
