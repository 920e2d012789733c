import { Ansis } from "ansis";
import type { WriteStream } from "node:tty";
import type { Style } from "./render/style.js";

/** Where a command writes its results. */
export interface Output {
  /** Resolves when more may be written, and never rejects. */
  readonly write: (text: string) => Promise<void>;
  /** false once nobody reads any more. */
  readonly isOpen: () => boolean;
  /** Of the terminal; Infinity where there is none, as nothing must be cut then. */
  readonly columns: number;
  readonly style: Style;
}

/** The standard output. Colours are as NO_COLOR, FORCE_COLOR and the terminal say. */
export function standardOutput(stream: WriteStream = process.stdout): Output {
  return {
    write: (text) => writeFully(stream, text),
    isOpen: () => stream.writable,
    columns: columnsOf(stream),
    style: new Ansis(),
  };
}

function columnsOf({ isTTY, columns }: WriteStream): number {
  return isTTY ? columns || 80 : Infinity; // some terminals do not know how wide they are
}

/** Resolves when it is written, or never will be: a reader that is slow holds up who writes. */
export async function writeFully(stream: WriteStream, text: string): Promise<void> {
  if (!stream.writable) return;
  await new Promise<void>((resolve) => stream.write(text, () => resolve()));
}
