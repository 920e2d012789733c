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
 * line between the lines of the command: on a terminal, a note waits until the command ends its line or draws it again.
 * The end of the command repeats a problem only if other output followed it.
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
  #hasOutputEnded = false;
  /** The notes that wait for the end of that line. */
  #waiting: string[] = [];

  constructor(stream: WriteStream, options: ReportingNotesOptions) {
    this.#stream = stream;
    this.#options = options;
  }

  /** Call this before the bytes of the command are written to a stream. */
  beforeOutput({ isTTY }: WriteStream, bytes: Uint8Array): void {
    if (!isTTY || this.#waiting.length === 0 || !drawsLineAgain(bytes)) return;
    this.#stream.write(ERASE_LINE);
    this.#isInLine = false;
    this.#writeWaiting();
  }

  /** Call this after the bytes of the command were written to a stream. */
  afterOutput({ isTTY }: WriteStream, bytes: Uint8Array): void {
    this.#latest = undefined;
    if (isTTY) this.#isInLine = bytes.at(-1) !== NEWLINE;
    if (!this.#isInLine) this.#writeWaiting();
  }

  /** Call this after the last output. */
  onOutputEnd(): void {
    this.#hasOutputEnded = true;
    this.#writeWaiting();
  }

  /** The server has stored the job. */
  onStored(url: string): void {
    this.#isStored = true;
    this.#problem = undefined;
    if (!this.#options.isQuiet) this.note(`watch it at ${url}`);
  }

  /** Another server takes the reports. */
  onMoved(text: string): void {
    if (!this.#options.isQuiet) this.note(text);
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

  /** The command has ended without progress. Only a person at a terminal can do something about it. */
  onWithoutProgress(): void {
    if (this.#options.isQuiet || !this.#stream.isTTY) return;
    this.note(`no progress was recognized in the output. See "tidemark run --help".`);
  }

  note(text: string): void {
    if (this.#isInTerminalLine && !this.#hasOutputEnded) this.#waiting.push(text);
    else this.#write(text);
  }

  get #isInTerminalLine(): boolean {
    return this.#isInLine && this.#stream.isTTY;
  }

  #writeWaiting(): void {
    const texts = this.#waiting;
    this.#waiting = [];
    for (const text of texts) this.#write(text);
  }

  #write(text: string): void {
    const start = this.#isInTerminalLine ? "\n" : "";
    this.#stream.write(`${start}tidemark: ${sanitizeForTerminal(text)}\n`);
    this.#latest = text;
    this.#isInLine = false;
  }
}

/** Whether the output starts at the beginning of the current line, as a progress bar does. "\r\n" ends the line. */
function drawsLineAgain(bytes: Uint8Array): boolean {
  return bytes[0] === RETURN && bytes.length > 1 && bytes[1] !== NEWLINE;
}

const ERASE_LINE = "\r\u001b[K";
const RETURN = 13;
const NEWLINE = 10;
