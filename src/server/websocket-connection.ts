import type { WebSocket as ProtocolSocket } from "graphql-ws";
import type { WebSocket } from "ws";
import { CloseCode } from "../protocol/close-codes.js";
import type { Pipeline } from "../graphql/pipeline.js";
import type { Limits } from "../protocol/limits.js";
import { limitExceeded } from "../protocol/tidemark-error.js";
import type { Log } from "../util/log.js";

/**
 * One WebSocket, as graphql-ws sees it.
 *
 * *Ids.* The protocol lets a client use an id again once it has completed the operation. graphql-ws 6.4.2
 * keeps operations by id until they have ended on the server too, and so takes the end of the old one for
 * that of the new one. Here each operation has an id of its own inside, and the client's is put back on what
 * goes out, so that the two never meet.
 *
 * *Back-pressure.* A client that sends without reading what it asked for is not read from, until it has taken
 * what waits for it: what a socket holds is bounded, and TCP tells the client.
 */
export class WebSocketConnection implements ProtocolSocket {
  readonly #webSocket: WebSocket;
  readonly #limits: Limits;
  readonly #log: Log;
  /** The inner id of the operation that a client's id stands for now. */
  readonly #innerIds = new Map<string, string>();
  /** The client's id of each operation that has not ended on the server. */
  readonly #clientIds = new Map<string, string>();
  #operations = 0;
  #isAlive = true;

  constructor(webSocket: WebSocket, { pipeline, limits, log }: WebSocketConnectionOptions) {
    this.#webSocket = webSocket;
    this.#limits = limits;
    this.#log = log;
    webSocket.on("pong", () => (this.#isAlive = true));
    webSocket.on("error", (error) => this.#failed(error, pipeline));
  }

  get protocol(): string {
    return this.#webSocket.protocol;
  }

  /** Operations that have not ended, those included that their client has completed. */
  get operationCount(): number {
    return this.#clientIds.size;
  }

  /** Resolves when the message is on its way, so that a subscription pulls no faster than its client reads. */
  send(message: string): Promise<void> {
    return new Promise((resolve) => {
      if (this.#webSocket.readyState !== this.#webSocket.OPEN) return resolve();
      this.#webSocket.send(this.#withClientId(message), () => {
        this.#readIfTaken();
        resolve();
      });
      this.#readIfTaken();
    });
  }

  close(code?: number, reason?: string): void {
    this.#webSocket.close(code, reason);
  }

  /** Half-open connections are found by two pings of which the first was not answered. */
  ping(): void {
    if (!this.#isAlive) return this.#webSocket.terminate();
    this.#isAlive = false;
    this.#webSocket.ping();
  }

  onMessage(handle: (data: string) => Promise<void>): void {
    this.#webSocket.on("message", (data) => {
      this.#receive(parsed(String(data)), handle).catch((error: unknown) => {
        this.#log.error({ err: error }, "a WebSocket message could not be handled");
        this.close(CloseCode.INTERNAL, "Internal server error");
      });
    });
  }

  async #receive(message: unknown, handle: (data: string) => Promise<void>): Promise<void> {
    // Safe: graphql-ws checks a message that comes parsed as it does one that it parses.
    const pass = handle as (message: unknown) => Promise<void>;
    if (!isFromClient(message)) return this.close(CloseCode.BAD_REQUEST, "Invalid message received");
    if (!hasId(message)) return pass(message);
    if (message.type === "subscribe") return this.#subscribe(message, pass);
    if (message.type === "complete") return this.#complete(message, pass);
    return pass(message);
  }

  async #subscribe(message: MessageWithId, pass: (message: unknown) => Promise<void>): Promise<void> {
    const { id } = message;
    if (this.#innerIds.has(id)) return this.close(CloseCode.SUBSCRIBER_ALREADY_EXISTS, inUse(id));
    const innerId = String(++this.#operations);
    this.#innerIds.set(id, innerId);
    this.#clientIds.set(innerId, id);
    try {
      await pass({ ...message, id: innerId });
    } finally {
      this.#clientIds.delete(innerId);
      if (this.#innerIds.get(id) === innerId) this.#innerIds.delete(id);
    }
  }

  async #complete(message: MessageWithId, pass: (message: unknown) => Promise<void>): Promise<void> {
    const innerId = this.#innerIds.get(message.id);
    if (innerId === undefined) return;
    this.#innerIds.delete(message.id);
    await pass({ ...message, id: innerId });
  }

  /** ws closes the socket by itself, with 1009 where a message was too large. */
  #failed(error: Error, pipeline: Pipeline): void {
    this.#log.debug({ err: error }, "a WebSocket failed");
    const isTooBig = "code" in error && error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
    const { messageBytesMax } = this.#limits;
    if (isTooBig)
      pipeline.refuse(limitExceeded("messageBytesMax", "A message is too large", messageBytesMax));
  }

  /** graphql-ws writes the id first. */
  #withClientId(message: string): string {
    const [prefix, innerId] = ID_FIRST.exec(message) ?? [];
    const id = innerId === undefined ? undefined : this.#clientIds.get(innerId);
    if (prefix === undefined || id === undefined) return message;
    return `{"id":${JSON.stringify(id)}${message.slice(prefix.length)}`;
  }

  #readIfTaken(): void {
    const isFull = this.#webSocket.bufferedAmount > this.#limits.waitingBytesPerSocketMax;
    if (isFull && !this.#webSocket.isPaused) this.#webSocket.pause();
    if (!isFull && this.#webSocket.isPaused) this.#webSocket.resume();
  }
}

export interface WebSocketConnectionOptions {
  readonly pipeline: Pipeline;
  readonly limits: Limits;
  readonly log: Log;
}

interface MessageWithId {
  readonly id: string;
  readonly type: unknown;
}

/** What graphql-ws would take for a defect of the server. */
function isFromClient(message: unknown): boolean {
  const type =
    typeof message === "object" && message !== null && "type" in message ? message.type : undefined;
  return CLIENT_MESSAGES.some((known) => known === type);
}

const CLIENT_MESSAGES = ["connection_init", "ping", "pong", "subscribe", "complete"];

/** The reason of a close frame has 123 bytes at most. */
function inUse(id: string): string {
  const reason = `Subscriber for ${id} already exists`;
  return Buffer.byteLength(reason) <= 123 ? reason : "Subscriber already exists";
}

const ID_FIRST = /^\{"id":"(\d+)"/;

/** undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function hasId(message: unknown): message is MessageWithId {
  return (
    typeof message === "object" &&
    message !== null &&
    "id" in message &&
    typeof message.id === "string" &&
    message.id !== "" &&
    "type" in message
  );
}
