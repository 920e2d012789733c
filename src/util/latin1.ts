/**
 * The UTF-8 bytes of a text, a character for each: what Node writes to a socket as `latin1`. Pieces of it can be
 * put together like any text, and are written without being encoded again.
 */
export function utf8AsLatin1(text: string): string {
  return IS_ASCII.test(text) ? text : Buffer.from(text).toString("latin1");
}

// eslint-disable-next-line no-control-regex -- ASCII begins with them
const IS_ASCII = /^[\u0000-\u007f]*$/;
