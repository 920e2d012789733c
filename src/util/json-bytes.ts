import { isUtf8 } from "node:buffer";

/**
 * Parses JSON that arrives as bytes. Decoding replaces invalid UTF-8 by U+FFFD, which would make one name of two, so
 * invalid bytes are an error here. RFC 8259 lets a parser ignore a byte order mark, which Windows programs write.
 *
 * @throws InvalidUtf8Error, or SyntaxError if the text is not JSON.
 */
export function parseJsonBytes(bytes: Uint8Array): unknown {
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

const BYTE_ORDER_MARK = 0xfeff;
