import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { WebSocketServer, type WebSocket } from "ws";
import { NodeSocket } from "../../../src/client/transport/node/node-socket.js";
import { freePort } from "../../kit/process/free-port.js";

describe("The WebSocket of the SDK in Node.js", () => {
  it.each([0, 125, 126, 65_535, 65_536, 3_000_000])("exchanges a text of %i bytes", async (length) => {
    await using server = await startServer((socket) =>
      socket.on("message", (data) => socket.send(String(data))),
    );
    using client = await open(server.url);
    client.socket.send("ä".repeat(length / 2) + "x".repeat(length % 2));

    expect(Buffer.byteLength(await client.message)).toBe(length);
  });

  it("answers a ping", async () => {
    await using server = await startServer((socket) => socket.ping("still there?"));
    using client = await open(server.url);
    const [data] = (await once(await server.first, "pong")) as [Buffer];

    expect([String(data), client.socket.readyState]).toEqual(["still there?", 1]);
  });

  it.each([
    ["with a code and a reason", (socket: WebSocket) => socket.close(4420, "too slow"), [4420, "too slow"]],
    ["without a code", (socket: WebSocket) => socket.close(), [1005, ""]],
    ["by the network", (socket: WebSocket) => socket.terminate(), [1006, ""]],
  ])("is closed by the server %s", async (_, end, expected) => {
    await using server = await startServer(end);
    using client = await open(server.url);

    expect([await client.closed, client.socket.readyState]).toEqual([expected, 3]);
  });

  it("says goodbye when it is closed, and reports no end of its own", async () => {
    await using server = await startServer(() => {});
    using client = await open(server.url);
    client.socket.close(1000);
    const [code] = (await once(await server.first, "close")) as [number];

    expect([code, client.events]).toEqual([1000, 1]);
  });

  it.each([
    ["a masked frame", Buffer.from([0x81, 0x80, 0, 0, 0, 0]), "masked frame"],
    ["an unknown opcode", Buffer.from([0x83, 0]), "unknown frame 131"],
    ["a compressed frame", Buffer.from([0xc1, 0]), "unknown frame 193"],
    ["a part without a beginning", Buffer.from([0x80, 0]), "misplaced part"],
    ["a beginning within a message", Buffer.from([0x01, 0, 0x81, 0]), "misplaced part"],
    ["a part of a ping", Buffer.from([0x09, 0]), "divided control frame"],
    ["a ping that is too long", Buffer.from([0x89, 126, 0, 126]), "divided control frame"],
    ["text that is not UTF-8", Buffer.from([0x81, 1, 0xff]), "UTF-8"],
    ["a length that no message has", Buffer.from([0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0]), "1099511627776 bytes"],
  ])("closes the connection after %s", async (_, bytes, reason) => {
    await using server = await startRawServer((key) => Buffer.concat([agreement(key), bytes]));
    using client = await open(server.url);

    expect(await client.closed).toEqual([1006, expect.stringContaining(reason)]);
    await server.disconnected;
  });

  it.each([
    ["refuses", () => "HTTP/1.1 403 Forbidden\r\n\r\n", "403 Forbidden"],
    ["agrees to another request", () => agreement("of another"), "101 Switching"],
    ["answers without an end", () => Buffer.alloc(20_000, "x"), "xxx"],
  ])("does not open when the server %s", async (_, answer, reason) => {
    await using server = await startRawServer(answer);
    using client = new Client(server.url);

    expect(await client.closed).toEqual([1006, expect.stringContaining(reason)]);
    expect(client.events).toBe(1);
  });

  it("does not open where no server listens", async () => {
    using client = new Client(`ws://127.0.0.1:${await freePort()}`);

    expect(await client.closed).toEqual([1006, expect.stringContaining("ECONNREFUSED")]);
  });
});

/** A socket, and its first events of each kind. */
class Client implements Disposable {
  readonly socket: NodeSocket;
  readonly opened: Promise<unknown>;
  readonly message: Promise<string>;
  readonly closed: Promise<readonly [number, string]>;
  /** How many events there were. */
  events = 0;

  constructor(url: string) {
    this.socket = new NodeSocket(url, "graphql-transport-ws", false);
    this.opened = this.#first("open");
    this.message = this.#first<MessageEvent<string>>("message").then(({ data }) => data);
    this.closed = this.#first<Closing>("close").then(({ code, reason }) => [code, reason]);
  }

  [Symbol.dispose](): void {
    this.socket.close(1000);
  }

  #first<Received = unknown>(type: string): Promise<Received> {
    return new Promise((resolve) => {
      this.socket.addEventListener(type, (event) => {
        this.events++;
        resolve(event as Received);
      });
    });
  }
}

type Closing = { readonly code: number; readonly reason: string };

async function open(url: string): Promise<Client> {
  const client = new Client(url);
  await client.opened;
  return client;
}

/** A server that does this with each socket, and the first of them. */
async function startServer(accept: (socket: WebSocket) => void) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  const first = new Promise<WebSocket>((resolve) => server.once("connection", resolve));
  server.on("connection", accept);
  await once(server, "listening");
  return {
    url: urlOf(server.address()),
    first,
    async [Symbol.asyncDispose]() {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}

/** A server that sends these bytes to the first request, and whose connection is then closed by the client. */
async function startRawServer(answerTo: (key: string) => string | Buffer) {
  const server = createServer();
  const disconnected = new Promise<void>((resolve) => {
    server.once("connection", (socket: Socket) => {
      socket.once("data", (head) => socket.write(answerTo(keyOf(String(head)))));
      socket.once("close", () => resolve());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: urlOf(server.address()),
    disconnected,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

function keyOf(head: string): string {
  return /^sec-websocket-key: (.+)\r$/im.exec(head)![1]!; // every client sends one
}

/** What a server answers that agrees to the request with this key. */
function agreement(key: string): Buffer {
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const headers = ["Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${accept}`];
  return Buffer.from(`HTTP/1.1 101 Switching Protocols\r\n${headers.join("\r\n")}\r\n\r\n`);
}

function urlOf(address: unknown): string {
  return `ws://127.0.0.1:${(address as AddressInfo).port}`;
}
