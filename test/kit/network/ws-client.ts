/**
 * A graphql-transport-ws client that sends exactly what a test gives it, valid or not, and keeps every
 * received message in order. Of its own accord it answers only WebSocket pings.
 */
import { once } from "node:events";
import { WebSocket, type ClientOptions } from "ws";
import type { GraphqlResult, GraphqlFailure, GraphqlRequest } from "./raw-http.js";

const SUBPROTOCOL = "graphql-transport-ws";

/** A protocol message of the server. */
export interface ServerMessage {
  readonly type: string;
  readonly id?: string;
  readonly payload?: unknown;
}

/** Why a socket was closed. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
}

export interface WsClientOptions extends ClientOptions {
  /** Default: the protocol of the server. */
  readonly protocols?: readonly string[];
  /** For `connect`: the token in the `connection_init`. */
  readonly token?: string;
}

export class WsClient implements Disposable {
  readonly socket: WebSocket;
  /** Every received message, oldest first. */
  readonly received: ServerMessage[] = [];
  /** Resolves when the socket is closed. */
  readonly closed: Promise<Closing>;
  #closing: Closing | undefined;
  #changed: (() => void)[] = [];
  #operations = 0;

  /** Resolves when the socket is open; sends nothing. */
  static async open(
    url: string,
    { protocols = [SUBPROTOCOL], ...options }: WsClientOptions = {},
  ): Promise<WsClient> {
    const address = `${url.replace(/^http/, "ws")}/graphql`;
    const client = new WsClient(new WebSocket(address, [...protocols], options));
    await once(client.socket, "open");
    return client;
  }

  /** Resolves when the server has acknowledged the connection. */
  static async connect(url: string, { token, ...options }: WsClientOptions = {}): Promise<WsClient> {
    const client = await WsClient.open(url, options);
    client.send({ type: "connection_init", ...(token && { payload: { token } }) });
    await client.next(({ type }) => type === "connection_ack");
    return client;
  }

  private constructor(socket: WebSocket) {
    this.socket = socket;
    // Safe if the server follows the protocol; the test checks the content.
    socket.on("message", (data) =>
      this.#change(() => this.received.push(JSON.parse(String(data)) as ServerMessage)),
    );
    socket.on("error", () => {}); // the close that follows is what tests look at
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => {
        this.#change(() => (this.#closing = { code, reason: String(reason) }));
        resolve(this.#closing!);
      });
    });
  }

  /** A string is sent unchanged. */
  send(message: object | string): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** Starts an operation. */
  subscribe(asked: GraphqlRequest, id = `operation-${++this.#operations}`): Operation {
    const operation = new Operation(this, id, this.received.length);
    this.send({ id, type: "subscribe", payload: asked });
    return operation;
  }

  complete(id: string): void {
    this.send({ id, type: "complete" });
  }

  /** The first matching message from index `from` on; rejects if the socket closes before. */
  async next(isWanted: (message: ServerMessage) => boolean, from = 0): Promise<ServerMessage> {
    for (let place = from; ; place++) {
      while (place >= this.received.length) await this.#change$();
      const message = this.received[place]!;
      if (isWanted(message)) return message;
    }
  }

  /** The answer to one operation. */
  async ask(asked: GraphqlRequest): Promise<GraphqlResult> {
    const operation = this.subscribe(asked);
    const answer = await operation.next();
    await operation.ended();
    return answer;
  }

  /** Resolves when the server has read everything sent before; answers may still be on their way. */
  async roundTrip(): Promise<void> {
    const from = this.received.length;
    this.send({ type: "ping" });
    await this.next(({ type }) => type === "pong", from);
  }

  /** Closes it at once, like a killed process. */
  [Symbol.dispose](): void {
    this.socket.terminate();
  }

  async #change$(): Promise<void> {
    if (this.#closing) throw new Error(`The socket was closed: ${JSON.stringify(this.#closing)}`);
    await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  #change(change: () => void): void {
    change();
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}

/** One operation of a client: the messages with its id, in order. */
export class Operation {
  readonly id: string;
  readonly #client: WsClient;
  #place: number;

  constructor(client: WsClient, id: string, place: number) {
    this.#client = client;
    this.id = id;
    this.#place = place;
  }

  /** The next result; an `error` message is a result with errors only. Rejects at the end. */
  async next(): Promise<GraphqlResult> {
    const message = await this.#message();
    if (message.type === "next") return message.payload as GraphqlResult; // safe: so the protocol has it
    if (message.type === "error") return { errors: message.payload as readonly GraphqlFailure[] };
    throw new Error(`The operation has ended: ${JSON.stringify(message)}`);
  }

  /** The next `count` results. */
  async take(count: number): Promise<GraphqlResult[]> {
    const results: GraphqlResult[] = [];
    while (results.length < count) results.push(await this.next());
    return results;
  }

  /** Resolves when the server has ended the operation: by `complete`, or by the `error` that was read last. */
  async ended(): Promise<void> {
    const last = this.#client.received[this.#place - 1];
    if (last?.id === this.id && last.type === "error") return;
    const message = await this.#message();
    if (message.type !== "complete") throw new Error(`The operation goes on: ${JSON.stringify(message)}`);
  }

  complete(): void {
    this.#client.complete(this.id);
  }

  async #message(): Promise<ServerMessage> {
    const message = await this.#client.next(({ id }) => id === this.id, this.#place);
    this.#place = this.#client.received.indexOf(message) + 1;
    return message;
  }
}

/** The request of a handshake, to be written on a connection of one's own; undefined leaves a header out. */
export function upgrade(
  headers: Readonly<Record<string, string | undefined>> = {},
  path = "/graphql",
): string {
  const all = {
    Host: "localhost",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": SUBPROTOCOL,
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) =>
    value === undefined ? "" : `${name}: ${value}\r\n`,
  );
  return `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** A text in one frame, as a client writes it: masked, though with a key that changes nothing. */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(payload.length);
  return Buffer.concat([Buffer.from([0x81, 0xfe]), length, Buffer.alloc(4), payload]);
}
