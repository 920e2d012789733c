import { MASK, maskSecrets } from "./mask-secrets.js";

/** Masks secrets in consecutive lines of output. A private key has many lines, of which only the first names it. */
export class LineMask {
  #keyLinesLeft = 0;

  line(text: string): string {
    if (PRIVATE_KEY.test(text)) this.#keyLinesLeft = KEY_LINES_MAX;
    if (this.#keyLinesLeft === 0) return maskSecrets(text);
    this.#keyLinesLeft = END.test(text) ? 0 : this.#keyLinesLeft - 1;
    return MASK;
  }
}

const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY/;
const END = /-----END /;
/** The lines of the largest keys in use. The end of a key may be missing. */
const KEY_LINES_MAX = 200;
