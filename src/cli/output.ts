import { Ansis } from "ansis";
import type { WriteStream } from "node:tty";
import type { Style } from "./render/style.js";

/** The destination of a command's results. */
export interface Output {
  /** Resolves when more can be written. Never rejects. */
  readonly write: (text: string) => Promise<void>;
  /** False once the reader has closed the stream. */
  readonly isOpen: () => boolean;
  /** The width of the terminal. Infinity without a terminal, so that nothing is cut. */
  readonly columns: number;
  readonly style: Style;
}

/** The standard output. NO_COLOR, FORCE_COLOR and the terminal determine whether it has colours. */
export function standardOutput(stream: WriteStream = process.stdout): Output {
  return {
    write: (text) => writeFully(stream, text),
    isOpen: () => stream.writable,
    columns: columnsOf(stream),
    style: new Ansis(),
  };
}

function columnsOf({ isTTY, columns }: WriteStream): number {
  return isTTY ? columns || 80 : Infinity; // some terminals report 0
}

/** Resolves when the text is written or the stream has failed, so that a slow reader slows the command down. */
export async function writeFully(stream: WriteStream, text: string): Promise<void> {
  if (!stream.writable) return;
  await new Promise<void>((resolve) => stream.write(text, () => resolve()));
}
