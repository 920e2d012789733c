import { maskSecrets } from "./mask-secrets.js";

/**
 * The last lines of a program's output. The latest is the message of the job, and the last ten are the reason of a
 * failure. Counters are left out, because the bar shows them: each keeps only its latest line, at the position where
 * the counter began. That line is part of the reason only if no other line follows.
 */
export class LastLines {
  #lines: readonly Line[] = [];

  /** @param counter the key of a counter, if later lines may show that this line belongs to it */
  add(text: string, counter?: string): void {
    this.#append({ text, counter, isCounter: false });
  }

  /** Adds a line of a counter and replaces its earlier lines. */
  addOfCounter(text: string, counter: string): void {
    const line = { text, counter, isCounter: true };
    const index = this.#lines.findIndex((one) => one.counter === counter);
    if (index < 0) return this.#append(line);
    this.#lines = this.#lines.with(index, line).filter((one) => one === line || one.counter !== counter);
  }

  /** The latest line that does not belong to a counter, or empty. */
  get latest(): string {
    return shown(this.#lines.findLast(({ isCounter }) => !isCounter)?.text ?? "");
  }

  /** The last lines joined into one, oldest first. */
  get text(): string {
    const newest = this.#lines.at(-1);
    return this.#lines
      .filter((line) => !line.isCounter || line === newest)
      .slice(-LINES_MAX)
      .map(({ text }) => shown(text))
      .join(" | ");
  }

  #append(line: Line): void {
    this.#lines = [...this.#lines.slice(1 - STORED_LINES_MAX), line];
  }
}

interface Line {
  readonly text: string;
  readonly counter: string | undefined;
  readonly isCounter: boolean;
}

/** A line as it is published. Most lines never are, so this is not done before; and a shortened secret is hard to tell. */
function shown(line: string): string {
  const text = maskSecrets(line.trim());
  return text.length > LINE_LENGTH_MAX ? `${text.slice(0, LINE_LENGTH_MAX - 1)}…` : text;
}

const LINES_MAX = 10;
/** More than needed, because some may turn out to belong to a counter. */
const STORED_LINES_MAX = 2 * LINES_MAX;
const LINE_LENGTH_MAX = 200;
