/** The last lines that a program has printed, as the reason of its failure: few, and short. */
export class LastLines {
  #lines: string[] = [];

  add(line: string): void {
    this.#lines.push(shortened(line.trim()));
    if (this.#lines.length > 2 * LINES_MAX) this.#lines = this.#lines.slice(-LINES_MAX);
  }

  /** The newest one; empty before the first. */
  get latest(): string {
    return this.#lines.at(-1) ?? "";
  }

  /** In one line, oldest first. */
  get text(): string {
    return this.#lines.slice(-LINES_MAX).join(" | ");
  }
}

function shortened(line: string): string {
  return line.length > LINE_LENGTH_MAX ? `${line.slice(0, LINE_LENGTH_MAX - 1)}…` : line;
}

const LINES_MAX = 10;
const LINE_LENGTH_MAX = 200;
