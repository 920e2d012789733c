/**
 * The UTF-8 bytes of a text, one character per byte, for Node to write to a socket as `latin1`. Such texts can
 * be concatenated and are not encoded again.
 */
export function utf8AsLatin1(text: string): string {
  return IS_ASCII.test(text) ? text : Buffer.from(text).toString("latin1");
}

// eslint-disable-next-line no-control-regex -- ASCII begins with them
const IS_ASCII = /^[\u0000-\u007f]*$/;
