/**
 * Text frames of a server (RFC 6455, section 5.2): whole and unmasked. All strings here are encoded by `utf8AsLatin1`:
 * one character per byte.
 */

export function frameOf(message: string): string {
  return headerOf(message.length) + message;
}

/**
 * The frames of messages to many subscribers. Each subscriber has its own prefix, and all prefixes have the same length.
 * The rest of each frame is built once, so that only the prefixes remain to be inserted.
 */
export class SharedFrames {
  /** The text before each prefix: the end of the previous message, then a header. */
  readonly #gaps: string[] = [];
  readonly #ends: readonly string[];
  /** The byte offset of each frame. */
  readonly #offsets: number[] = [];
  readonly #bytes: number;

  /** @param ends the text after the prefix of each message. */
  constructor(startLength: number, ends: readonly string[]) {
    this.#ends = ends;
    let offset = 0;
    for (const [at, end] of ends.entries()) {
      const header = headerOf(startLength + end.length);
      this.#gaps.push([ends[at - 1] ?? "", header].join("")); // a flat string: faster to read than a concatenation
      this.#offsets.push(offset);
      offset += header.length + startLength + end.length;
    }
    this.#bytes = offset;
  }

  /** How many frames fit into `roomBytes`, where the last one may exceed it. */
  countWithin(roomBytes: number): number {
    let count = this.#offsets.length;
    while (count > 0 && this.#offsets[count - 1]! > roomBytes) count--;
    return count;
  }

  /** Bytes of the first `count` frames. */
  bytes(count: number): number {
    return this.#offsets[count] ?? this.#bytes;
  }

  /** The first `count` frames, each with the prefix `start`. */
  text(start: string, count: number): string {
    let text = "";
    for (let at = 0; at < count; at++) text += this.#gaps[at]! + start;
    return count === 0 ? text : text + this.#ends[count - 1]!;
  }
}

function headerOf(length: number): string {
  if (length < 126) return String.fromCharCode(WHOLE_TEXT, length);
  if (length < 65_536) return String.fromCharCode(WHOLE_TEXT, 126, length >>> 8, length & 255);
  const [high, low] = [Math.floor(length / 2 ** 32), length >>> 0];
  return String.fromCharCode(WHOLE_TEXT, 127, ...bytesOf(high), ...bytesOf(low));
}

/** Most significant first. */
function bytesOf(number: number): number[] {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255);
}

const WHOLE_TEXT = 0x81;
