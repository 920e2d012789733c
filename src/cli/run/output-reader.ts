import { FormatContext, readFormat } from "./progress-formats.js";
import { PlainCounters, type CounterLine } from "./plain-counters.js";
import type { ProgressReading } from "./progress-reading.js";
import { TerminalLines, type TerminalLine } from "./terminal-lines.js";

/** Takes what there is to know of an output. */
export interface OutputObserver {
  onReading(reading: ProgressReading): void;
  /** A line that says something else, and will not be drawn over. It may turn out to be one of `counter`. */
  onLine(text: string, counter: string | undefined): void;
  /** A line that is a counter's; so were those of this counter before it. */
  onCounterLine(text: string, counter: string): void;
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
    this.#read(this.#terminal.row);
  }

  /** No more comes. */
  end(): void {
    const { row } = this.#terminal;
    if (row.text !== "") this.#take(row);
    this.#terminal.lose();
  }

  #take(line: TerminalLine): void {
    const { isKnown, plain } = this.#read(line);
    if (isKnown || line.isDrawnOver) return;
    if (plain?.isCounter) return this.#observer.onCounterLine(line.text, plain.counter);
    this.#context.take(line.text);
    this.#observer.onLine(line.text, plain?.counter);
  }

  /** Tells the readings of a line, and gives back what it is besides. */
  #read(line: TerminalLine): { readonly isKnown: boolean; readonly plain?: CounterLine | undefined } {
    const known = readFormat(line.text, this.#context);
    for (const reading of known ?? []) this.#observer.onReading(reading);
    if (known) return { isKnown: true };
    const plain = this.#counters.read(line);
    if (plain?.reading) this.#observer.onReading(plain.reading);
    return { isKnown: false, plain };
  }
}
