import { isUtf8 } from "node:buffer";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { rootCauseText } from "../root-cause.js";
import { maskedFrame } from "./masked-frame.js";
import { MessageReader } from "./message-reader.js";
import { Upgrade } from "./upgrade.js";
import { Opcode, type WebSocketMessage } from "./websocket-message.js";

/**
 * A WebSocket for text, as far as the SDK needs it. The built-in one of Node.js does not serve: version 20 has none, and that of
 * later versions keeps the process alive and waits for the server to close a connection. A package would be a dependency.
 */
export class NodeSocket extends EventTarget {
  /** As in browsers: 0 until the server has agreed, 1 while open, 3 when closed. */
  readyState = CONNECTING;
  readonly #socket: Socket;
  readonly #upgrade: Upgrade;
  readonly #messages = new MessageReader();

  /** @param isInBackground whether the process may exit at any time, even while the connection opens */
  constructor(address: string, protocol: string, isInBackground: boolean) {
    super();
    const url = new URL(address);
    this.#upgrade = new Upgrade(url, protocol);
    this.#socket = socketTo(url);
    if (isInBackground) this.#socket.unref().once("connect", () => this.#socket.unref()); // each address has a handle
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on("error", (error) => this.#end(ABNORMAL, rootCauseText(error)));
    this.#socket.on("close", () => this.#end(ABNORMAL, ""));
    this.#socket.write(this.#upgrade.request);
  }

  send(text: string): void {
    this.#write({ opcode: Opcode.TEXT, payload: Buffer.from(text) });
  }

  /** Says goodbye, and closes the connection without waiting for the server. No `close` event follows. */
  close(code: number): void {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    if (this.readyState === OPEN) this.#write({ opcode: Opcode.CLOSE, payload });
    this.readyState = CLOSED;
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    try {
      const bytes = this.readyState === CONNECTING ? this.#open(chunk) : chunk;
      if (bytes) for (const message of this.#messages.read(bytes)) this.#take(message);
    } catch (error) {
      this.#end(ABNORMAL, rootCauseText(error));
    }
  }

  /** Returns the first bytes after the answer of the server, once that is complete. */
  #open(chunk: Buffer): Buffer | undefined {
    const rest = this.#upgrade.read(chunk);
    if (!rest) return undefined;
    this.readyState = OPEN;
    this.dispatchEvent(new Event("open"));
    return rest;
  }

  /** A listener may have closed the socket: then nothing more is taken. */
  #take({ opcode, payload }: WebSocketMessage): void {
    if (this.readyState !== OPEN) return;
    switch (opcode) {
      case Opcode.TEXT:
        if (!isUtf8(payload)) throw new Error("The server sent text that is not UTF-8.");
        return this.#dispatch("message", { data: payload.toString() });
      case Opcode.PING:
        return this.#write({ opcode: Opcode.PONG, payload });
      case Opcode.CLOSE:
        this.#write({ opcode, payload: payload.subarray(0, 2) });
        return this.#end(payload.length < 2 ? NO_CODE : payload.readUInt16BE(), payload.toString("utf8", 2));
    }
  }

  #write(message: WebSocketMessage): void {
    this.#socket.write(maskedFrame(message));
  }

  /** Only the first end counts. */
  #end(code: number, reason: string): void {
    this.#socket.destroy();
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    this.#dispatch("close", { code, reason });
  }

  #dispatch(type: "message" | "close", properties: object): void {
    this.dispatchEvent(Object.assign(new Event(type), properties));
  }
}

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

/** The codes for a connection that broke, and for a server that gave none. */
const ABNORMAL = 1006;
const NO_CODE = 1005;

function socketTo({ protocol, hostname, port }: URL): Socket {
  const host = hostname.replace(/^\[|\]$/g, "");
  if (protocol === "ws:") return connectTcp({ host, port: Number(port) || 80 });
  const servername = isIP(host) === 0 ? { servername: host } : {}; // TLS has no name for an address
  return connectTls({ host, port: Number(port) || 443, ALPNProtocols: ["http/1.1"], ...servername });
}
