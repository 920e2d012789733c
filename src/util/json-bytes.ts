import { isUtf8 } from "node:buffer";

/**
 * Parses JSON that arrives as bytes. Decoding replaces invalid UTF-8 by U+FFFD, which would make one name of two, so
 * invalid bytes are an error here. RFC 8259 lets a parser ignore a byte order mark, which Windows programs write.
 *
 * @throws InvalidUtf8Error, SyntaxError if the text is not JSON, or OverlyNestedError
 */
export function parseJsonBytes(bytes: Uint8Array): unknown {
  if (bytes.length > LARGE_JSON_BYTES && isOverlyNested(bytes)) throw new OverlyNestedError();
  return JSON.parse(decodeUtf8(bytes)) as unknown;
}

/** Decodes UTF-8 and removes a byte order mark. @throws InvalidUtf8Error */
function decodeUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new InvalidUtf8Error();
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
}

export class InvalidUtf8Error extends Error {
  override readonly name = "InvalidUtf8Error";
}

/** A large text whose lists and objects are nested so deeply, or are so many, that parsing it takes far longer than usual. */
export class OverlyNestedError extends Error {
  override readonly name = "OverlyNestedError";
}

/** Larger texts are worth a check before they are parsed, and a turn of the event loop of their own. */
export const LARGE_JSON_BYTES = 64 * 1_024;

/** For large texts. The smallest task, `{"description":""},`, has 19 bytes. */
export const NESTING = { levelsMax: 1_000, bytesMin: 8 };

/**
 * Whether a text nests more than `levelsMax` levels, or has more than one list or object per `bytesMin` bytes. A megabyte of
 * brackets takes 90 ms to parse, and 1 ms to scan.
 */
function isOverlyNested(bytes: Uint8Array): boolean {
  let levels = 0;
  let left = bytes.length / NESTING.bytesMin;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(bytes, at);
    else if (byte === OPENING_BRACKET || byte === OPENING_BRACE) {
      if (++levels > NESTING.levelsMax || --left < 0) return true;
    } else if (byte === CLOSING_BRACKET || byte === CLOSING_BRACE) levels--;
  }
  return false;
}

/** The place of the closing quote. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPENING_BRACKET, CLOSING_BRACKET, OPENING_BRACE, CLOSING_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

const BYTE_ORDER_MARK = 0xfeff;
