import { createHash, randomBytes } from "node:crypto";

/** The end of the head of a request or an answer. */
const END = "\r\n\r\n";
const HEAD_BYTES_MAX = 16_384;
/** Of RFC 6455. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The request of a client for a WebSocket, and what the server answers to it. */
export class Upgrade {
  /** The request, to send first. */
  readonly request: string;
  readonly #accept: string;
  #answer: Buffer = Buffer.alloc(0);

  constructor({ host, pathname, search }: URL, protocol: string) {
    const key = randomBytes(16).toString("base64");
    this.#accept = createHash("sha1")
      .update(key + GUID)
      .digest("base64");
    this.request = [
      `GET ${pathname}${search} HTTP/1.1`,
      `Host: ${host}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${key}`,
      `Sec-WebSocket-Protocol: ${protocol}${END}`,
    ].join("\r\n");
  }

  /**
   * Reads a part of the answer. Returns the bytes after it, or undefined while it is not complete.
   * @throws Error if the server does not agree.
   */
  read(chunk: Buffer): Buffer | undefined {
    this.#answer = Buffer.concat([this.#answer, chunk]);
    const end = this.#answer.indexOf(END);
    if (end < 0 && this.#answer.length <= HEAD_BYTES_MAX) return undefined;
    const [status = "", ...headers] = this.#answer
      .toString("latin1", 0, end < 0 ? HEAD_BYTES_MAX : end)
      .split("\r\n");
    const hasAgreed =
      /^HTTP\/1\.1 101\b/.test(status) &&
      headers.some(
        (header) => /^sec-websocket-accept:/i.test(header) && header.trim().endsWith(this.#accept),
      );
    if (!hasAgreed)
      throw new Error(`No WebSocket: the server answered ${JSON.stringify(status.slice(0, 100))}.`);
    return this.#answer.subarray(end + END.length);
  }
}
