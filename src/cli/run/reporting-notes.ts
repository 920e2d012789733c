import type { WriteStream } from "node:tty";
import { sanitizeForTerminal } from "../render/sanitize.js";

export interface ReportingNotesOptions {
  /** Whether to leave out the address of the job and outages of the server. */
  readonly isQuiet: boolean;
  /** Whether to print every problem, instead of the first. */
  readonly isVerbose: boolean;
}

/**
 * What `tidemark run` says about its reports, on stderr: where the job can be seen, or why it can't. Each note is one
 * line between the lines of the command. The end of the command repeats a problem only if other output followed it.
 */
export class ReportingNotes {
  readonly #stream: WriteStream;
  readonly #options: ReportingNotesOptions;
  #problem: string | undefined;
  #isRejected = false;
  #isStored = false;
  /** The latest note, until the command prints more. */
  #latest: string | undefined;
  /** Whether the command has printed an unfinished line on the terminal. */
  #isInLine = false;

  constructor(stream: WriteStream, options: ReportingNotesOptions) {
    this.#stream = stream;
    this.#options = options;
  }

  /** The command has printed bytes to a stream. */
  onOutput({ isTTY }: WriteStream, bytes: Uint8Array): void {
    this.#latest = undefined;
    if (isTTY) this.#isInLine = bytes.at(-1) !== NEWLINE;
  }

  /** The server has stored the job. */
  onStored(url: string): void {
    this.#isStored = true;
    this.#problem = undefined;
    if (!this.#options.isQuiet) this.note(`watch it at ${url}`);
  }

  /** @param isRejection whether the user has to fix the cause. Otherwise the SDK keeps trying. */
  onProblem(message: string, isRejection: boolean): void {
    const { isQuiet, isVerbose } = this.#options;
    const isFirst = this.#problem === undefined && !this.#isStored;
    this.#problem = message;
    this.#isRejected ||= isRejection;
    if (isVerbose || isRejection || (isFirst && !isQuiet)) this.note(`the job is not reported: ${message}`);
  }

  /** The command has ended, and the server has not stored the end of the job. */
  onUnreported(): void {
    if (this.#options.isQuiet && !this.#isRejected) return;
    const what = this.#isStored ? "the end of the job" : "the job";
    const why = this.#problem ?? "The server did not answer in time.";
    if (this.#latest?.endsWith(why)) return;
    this.note(`${what} was not reported: ${why}`);
  }

  note(text: string): void {
    const start = this.#isInLine && this.#stream.isTTY ? "\n" : "";
    this.#stream.write(`${start}tidemark: ${sanitizeForTerminal(text)}\n`);
    this.#latest = text;
    this.#isInLine = false;
  }
}

const NEWLINE = 10;
