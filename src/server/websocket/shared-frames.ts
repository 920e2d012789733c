/**
 * Text frames of a server (RFC 6455, section 5.2): whole and unmasked. All text here is as `latin1Of` has it, a
 * character a byte.
 */

/** The frame of one message. */
export function frameOf(message: string): string {
  return headerOf(message.length) + message;
}

/**
 * The frames of messages to many subscribers, which differ in how they begin, and not in how long that is. All else
 * is put together once: what is left for each subscriber is to put its beginning between.
 */
export class SharedFrames {
  /** What comes before each beginning: the end of the message before, and a header. */
  readonly #gaps: string[] = [];
  readonly #ends: readonly string[];
  /** Bytes of the frames before each, and of all of them. */
  readonly #offsets: number[] = [];
  readonly #bytes: number;

  /** @param ends what comes after the beginning of each message. */
  constructor(startLength: number, ends: readonly string[]) {
    this.#ends = ends;
    let offset = 0;
    for (const [at, end] of ends.entries()) {
      const header = headerOf(startLength + end.length);
      this.#gaps.push([ends[at - 1] ?? "", header].join("")); // one piece: that is read quicker than two
      this.#offsets.push(offset);
      offset += header.length + startLength + end.length;
    }
    this.#bytes = offset;
  }

  /** How many go to a socket that has room for so much, and is given one more as long as it has any. */
  countWithin(roomBytes: number): number {
    let count = this.#offsets.length;
    while (count > 0 && this.#offsets[count - 1]! > roomBytes) count--;
    return count;
  }

  /** Bytes of the first `count` of them. */
  bytes(count: number): number {
    return this.#offsets[count] ?? this.#bytes;
  }

  /** The first `count` of them, each beginning with `start`. */
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
