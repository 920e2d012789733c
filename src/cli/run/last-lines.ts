/**
 * The last lines that a program has printed: the newest is its job's message, and ten, in short, are the reason of its
 * failure. Counters, which the bar shows, are left out: each has one line here, its newest, where it began, and that is told
 * only in a reason, and only where nothing came after.
 */
export class LastLines {
  #lines: readonly Line[] = [];

  /** @param counter the one that it is a line of, should that turn out to be a counter. */
  add(text: string, counter?: string): void {
    this.#append({ text: shortened(text), counter, isCounter: false });
  }

  /** Adds a line of a counter, in place of all those before. */
  addOfCounter(text: string, counter: string): void {
    const line = { text: shortened(text), counter, isCounter: true };
    const place = this.#lines.findIndex((one) => one.counter === counter);
    if (place < 0) return this.#append(line);
    this.#lines = this.#lines.with(place, line).filter((one) => one === line || one.counter !== counter);
  }

  /** The newest one that is no counter's; empty where there is none. */
  get latest(): string {
    return this.#lines.findLast(({ isCounter }) => !isCounter)?.text ?? "";
  }

  /** In one line, oldest first. */
  get text(): string {
    const newest = this.#lines.at(-1);
    const said = this.#lines.filter((line) => !line.isCounter || line === newest);
    return said
      .slice(-LINES_MAX)
      .map(({ text }) => text)
      .join(" | ");
  }

  #append(line: Line): void {
    this.#lines = [...this.#lines.slice(1 - LINES_KEPT), line];
  }
}

interface Line {
  readonly text: string;
  readonly counter: string | undefined;
  readonly isCounter: boolean;
}

function shortened(line: string): string {
  const text = line.trim();
  return text.length > LINE_LENGTH_MAX ? `${text.slice(0, LINE_LENGTH_MAX - 1)}…` : text;
}

const LINES_MAX = 10;
/** Some of them may turn out to be a counter's. */
const LINES_KEPT = 2 * LINES_MAX;
const LINE_LENGTH_MAX = 200;
