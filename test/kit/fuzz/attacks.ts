/**
 * Hostile clients, one kind a function. An input is one thing that reaches a parser of the server: a document,
 * a message, the bytes of a connection. A judge checks every answer.
 */
import { once } from "node:events";
import { request, type Agent, type ClientRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { WebSocket } from "ws";
import type { FuzzDocuments } from "./documents.js";
import type { FuzzRandom } from "./random.js";
import type { FuzzTokens } from "./tokens.js";
import { graphqlPath } from "../network/raw-http.js";
import { textFrame, upgrade } from "../network/ws-client.js";

export interface FuzzContext {
  readonly url: string;
  readonly random: FuzzRandom;
  readonly documents: FuzzDocuments;
  readonly tokens: FuzzTokens;
  /** Checks an answer: the input, the answer, and a pattern that the answer must not match. */
  readonly judge: (sent: string | Buffer, received: string, mayNotBe?: RegExp) => void;
}

/** Sends something and waits for the result. Resolves with the number of inputs. */
export type Attack = () => Promise<number>;

/** Documents and bodies by POST, with headers that may not match them. */
export function attackByPost(context: FuzzContext, agent: Agent): Attack {
  const { url, random, documents, judge } = context;
  return async () => {
    const text = JSON.stringify(documents.next());
    const body = random.chance(0.8) ? text : random.mutatedText(text);
    const accept = random.chance(0.9) ? "application/json" : random.pick(ACCEPT);
    const { token, isGood } = someToken(context);
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": random.chance(0.95) ? "application/json" : random.pick(CONTENT_TYPES),
      accept,
    };
    const message = request(`${url}/graphql`, { method: "POST", agent, headers });
    message.end(body);
    const response = await answerTo(message);
    if (!response) return 0;
    const received = `${response.statusCode} ${JSON.stringify(response.headers)} ${await textOf(response)}`;
    judge(`${token}\n${body}`, received, isGood ? undefined : /^(?!40[13])/);
    return 1;
  };
}

/** Many valid messages on one WebSocket. Open operations end with it. */
export function attackByOperations({ url, random, documents, tokens, judge }: FuzzContext): Attack {
  const payload = { authorization: `Bearer ${tokens.good("mallory", "admin")}` };
  const message = (id: number): object => {
    if (random.chance(0.2)) return { type: "subscribe", id: String(id), payload: documents.next() };
    if (random.chance(0.6)) return { type: "subscribe", id: String(id), payload: documents.nextVariables() };
    if (random.chance(0.5)) return { type: "complete", id: random.name() || "0" };
    return { type: "pong", payload: { [random.name()]: random.name() } };
  };
  return async () => {
    const client = await FuzzSocket.open(url, judge);
    client.send({ type: "connection_init", payload });
    await client.acknowledged();
    for (let id = 0; id < MESSAGES_A_SOCKET; id++) client.send(message(id));
    const isAlive = (await client.roundTrip()) && (await client.roundTrip()); // answers may come after the first
    client.end();
    return isAlive ? MESSAGES_A_SOCKET : 1;
  };
}

/** Messages that violate the protocol; the server may read only the first. */
export function attackByMessages(context: FuzzContext): Attack {
  const { url, random, documents, judge } = context;
  return async () => {
    const { token, isGood } = someToken(context);
    const client = await FuzzSocket.open(url, (sent, received) =>
      judge(sent, received, isGood ? undefined : /"connection_ack"|"data"/),
    );
    if (random.chance(0.8)) client.send({ type: "connection_init", payload: { token } });
    const text = JSON.stringify({
      id: random.name(),
      type: random.pick(["subscribe", "complete", "ping", "pong", "next", "connection_init"]),
      payload: random.chance(0.5) ? documents.next() : random.name(),
    });
    client.send(random.chance(0.3) ? text : random.mutatedText(text));
    await client.roundTrip();
    client.end();
    return 1;
  };
}

/** Bytes below the message protocol, on a WebSocket that was opened correctly. */
export function attackByFrames({ url, random, documents, tokens, judge }: FuzzContext): Attack {
  return async () => {
    const text = JSON.stringify({ id: "1", type: "subscribe", payload: documents.next() });
    const init = JSON.stringify({
      type: "connection_init",
      payload: { token: tokens.good("mallory", "viewer") },
    });
    const frames = [init, text].map(textFrame);
    const bytes = random.mutatedBytes(Buffer.concat(frames));
    judge(bytes, await exchange(url, Buffer.from(upgrade()), bytes));
    return 1;
  };
}

/** Bytes below HTTP. */
export function attackByRequests(context: FuzzContext): Attack {
  const { url, random, documents, judge } = context;
  return async () => {
    const body = JSON.stringify(documents.next());
    const authorization = `Authorization: Bearer ${someToken(context).token}`;
    const requests = [
      `POST /graphql HTTP/1.1\r\nHost: localhost\r\n${authorization}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      `GET ${graphqlPath(documents.next())} HTTP/1.1\r\nHost: localhost\r\n${authorization}\r\nAccept: ${random.pick(ACCEPT)}\r\n\r\n`,
      `OPTIONS /graphql HTTP/1.1\r\nHost: localhost\r\nOrigin: http://${random.name()}\r\n\r\n`,
      `GET ${random.pick(PATHS)} HTTP/1.1\r\nHost: localhost\r\n${authorization}\r\n\r\n`,
      upgrade(),
    ];
    const bytes = random.mutatedBytes(Buffer.from(random.pick(requests)));
    judge(bytes, await exchange(url, bytes));
    return 1;
  };
}

/** Mostly a valid token, because a request with an invalid one is rejected at once. */
function someToken({ random, tokens }: FuzzContext): { readonly token: string; readonly isGood: boolean } {
  const isGood = random.chance(0.8);
  return { token: isGood ? tokens.good("mallory", "admin") : tokens.bad(random), isGood };
}

const MESSAGES_A_SOCKET = 100;
const ACCEPT = [
  "*/*",
  "application/json",
  "application/graphql-response+json",
  "text/html",
  "text/xml",
  ";;=,",
  "",
];
const CONTENT_TYPES = [
  "",
  "text/plain",
  "application/json; charset=utf-7",
  "multipart/form-data; boundary=x",
];
const PATHS = ["/", "/health", "/ready", "/metrics", "/graphql", "//graphql", "/%2e%2e/", "/__proto__"];

class FuzzSocket {
  readonly #socket: WebSocket;
  readonly #sent: string[] = [];
  readonly #closed: Promise<false>;
  #onMessage: (text: string) => void = () => {};

  static async open(url: string, judge: FuzzContext["judge"]): Promise<FuzzSocket> {
    const socket = new WebSocket(`${url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
    const opened = new FuzzSocket(socket, judge);
    await once(socket, "open");
    return opened;
  }

  private constructor(socket: WebSocket, judge: FuzzContext["judge"]) {
    this.#socket = socket;
    socket.on("error", () => {});
    socket.on("message", (data) => this.#received(String(data), judge));
    this.#closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        judge(this.#sent.join("\n"), `closed ${code} ${String(reason)}`);
        resolve(false);
      });
    });
  }

  send(message: object | string): void {
    const text = typeof message === "string" ? message : JSON.stringify(message);
    this.#sent.push(text);
    this.#socket.send(text);
  }

  /** Whether the server has read everything and kept the socket open. */
  roundTrip(): Promise<boolean> {
    this.send({ type: "ping" });
    return this.#next(`{"type":"pong"`);
  }

  /** Whether the server acknowledged the connection. */
  acknowledged(): Promise<boolean> {
    return this.#next(`{"type":"connection_ack"`);
  }

  #next(start: string): Promise<boolean> {
    const answered = new Promise<true>((resolve) => {
      this.#onMessage = (text) => void (text.startsWith(start) && resolve(true));
    });
    return Promise.race([answered, this.#closed]);
  }

  #received(text: string, judge: FuzzContext["judge"]): void {
    judge(this.#sent.join("\n"), text);
    this.#onMessage(text);
  }

  end(): void {
    this.#socket.terminate();
  }
}

/** Writes everything and ends its side. Resolves with what arrived until the server ended too. */
async function exchange(url: string, ...bytes: readonly Buffer[]): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  let received = "";
  socket.setEncoding("latin1");
  socket.on("error", () => {}); // the server may have had enough
  socket.on("data", (text: string) => (received += text));
  socket.end(Buffer.concat(bytes));
  await once(socket, "close");
  return received;
}

/** undefined if a kept-alive connection was closed at that very moment. */
async function answerTo(message: ClientRequest): Promise<IncomingMessage | undefined> {
  try {
    const [response] = (await once(message, "response")) as [IncomingMessage];
    return response;
  } catch (error) {
    if (message.reusedSocket) return undefined;
    throw error;
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > ANSWER_LENGTH_MAX) break;
  }
  return text;
}

const ANSWER_LENGTH_MAX = 10_000_000;
