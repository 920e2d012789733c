import { MASK } from "./mask-secrets.js";

/** Masks the lines of a private key in an output. Only its first line tells what follows, so it needs the lines in order. */
export class PrivateKeyLines {
  #linesLeft = 0;

  mask(line: string): string {
    if (line.includes("-----BEGIN ") && PRIVATE_KEY.test(line)) this.#linesLeft = LINES_MAX;
    if (this.#linesLeft === 0) return line;
    this.#linesLeft = line.includes("-----END ") ? 0 : this.#linesLeft - 1;
    return MASK;
  }
}

const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY/;
/** The lines of the largest keys in use. The end of a key may be missing. */
const LINES_MAX = 200;
