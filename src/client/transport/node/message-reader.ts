import { Opcode, type WebSocketMessage } from "./websocket-message.js";

/** Larger messages than any server sends. */
const MESSAGE_BYTES_MAX = 100 * 1024 * 1024;
const CONTROL_BYTES_MAX = 125;

/** Reads the messages that a server sends over a WebSocket (RFC 6455), however the network divides their bytes. */
export class MessageReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** The next frame can't be read from fewer bytes. */
  #bytesNeeded = 2;
  /** The parts of a message that is not complete. */
  #parts: Buffer[] = [];
  #opcode: number | undefined;

  /**
   * Yields the messages that these bytes complete.
   * @throws Error if they are not of this protocol, or a message is larger than 100 MiB.
   */
  *read(chunk: Buffer): Generator<WebSocketMessage, void> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes >= this.#bytesNeeded) {
      const bytes = this.#joinChunks();
      const frame = frameOf(bytes);
      this.#keep(bytes.subarray(frame.payload ? frame.bytes : 0));
      this.#bytesNeeded = frame.payload ? 2 : frame.bytes;
      const message = frame.payload && this.#messageOf(frame);
      if (message) yield message;
    }
  }

  #joinChunks(): Buffer {
    const [first] = this.#chunks;
    return first && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks, this.#bytes);
  }

  #keep(rest: Buffer): void {
    this.#chunks = [rest];
    this.#bytes = rest.length;
  }

  #messageOf({ opcode, isLast, payload }: CompleteFrame): WebSocketMessage | undefined {
    if (opcode >= Opcode.CLOSE) return { opcode, payload }; // may come between the parts of a message
    if ((opcode === Opcode.CONTINUATION) !== (this.#opcode !== undefined)) throw violation("misplaced part");
    this.#parts.push(payload);
    this.#opcode ??= opcode;
    const bytes = this.#parts.reduce((sum, part) => sum + part.length, 0);
    if (bytes > MESSAGE_BYTES_MAX) throw tooLarge(bytes);
    if (!isLast) return undefined;
    const message = { opcode: this.#opcode, payload: Buffer.concat(this.#parts, bytes) };
    this.#parts = [];
    this.#opcode = undefined;
    return message;
  }
}

interface CompleteFrame {
  readonly opcode: number;
  readonly isLast: boolean;
  readonly payload: Buffer;
  /** The size of the frame. */
  readonly bytes: number;
}

/** The first frame, or how many bytes it takes to tell more. */
function frameOf(bytes: Buffer): CompleteFrame | { readonly payload?: undefined; readonly bytes: number } {
  const first = bytes.readUInt8(0);
  const second = bytes.readUInt8(1);
  const opcode = first & 0x0f;
  const isLast = first >= 0x80;
  if ((first & 0x70) !== 0 || !OPCODES.has(opcode)) throw violation(`unknown frame ${first}`);
  if (second >= 0x80) throw violation("masked frame");
  const start = second === 127 ? 10 : second === 126 ? 4 : 2;
  if (bytes.length < start) return { bytes: start };
  const length =
    start === 10 ? Number(bytes.readBigUInt64BE(2)) : start === 4 ? bytes.readUInt16BE(2) : second;
  if (length > MESSAGE_BYTES_MAX) throw tooLarge(length);
  if (opcode >= Opcode.CLOSE && (length > CONTROL_BYTES_MAX || !isLast))
    throw violation("divided control frame");
  const end = start + length;
  return bytes.length < end
    ? { bytes: end }
    : { opcode, isLast, payload: bytes.subarray(start, end), bytes: end };
}

const OPCODES = new Set<number>(Object.values(Opcode));

function violation(what: string): Error {
  return new Error(`The server violated the WebSocket protocol: ${what}.`);
}

function tooLarge(bytes: number): Error {
  return new Error(`The server sent a message of ${bytes} bytes; at most ${MESSAGE_BYTES_MAX} are read.`);
}
