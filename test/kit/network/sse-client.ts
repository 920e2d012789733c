/** A client of server-sent events: one operation over one connection, read in order. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import {
  HttpConnection,
  graphqlPost,
  type GraphqlResult,
  type GraphqlRequest,
  type HttpRequest,
} from "./raw-http.js";

/** An event as written: `id:`, `event:` and `data:`. */
export interface ServerSentEvent {
  /** undefined without an id. */
  readonly id?: string;
  readonly event: string;
  readonly data: string;
}

export class SseStream implements Disposable {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly #connection: HttpConnection | undefined;
  readonly #response: IncomingMessage;
  readonly #blocks: AsyncGenerator<string, void>;

  /** Resolves with the head of the answer. */
  static async open(
    url: string,
    asked: GraphqlRequest,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<SseStream> {
    const connection = new HttpConnection(url);
    return new SseStream(await connection.open(ssePost(asked, headers)), connection);
  }

  /** @param connection closed with the stream */
  constructor(response: IncomingMessage, connection?: HttpConnection) {
    this.#connection = connection;
    this.#response = response;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    this.#blocks = blocksOf(response);
  }

  /** The next result. Rejects at the end. */
  async next(): Promise<GraphqlResult> {
    const event = await this.nextEvent();
    if (event?.event !== "next") throw new Error(`The operation has ended: ${JSON.stringify(event)}`);
    return JSON.parse(event.data) as GraphqlResult; // safe: so the server writes it
  }

  /** The next event as written; undefined at the end. Skips comments (the server's pings). */
  async nextEvent(): Promise<ServerSentEvent | undefined> {
    for (let block; (block = await this.nextBlock()) !== undefined;) {
      if (!isComment(block)) return parseEvent(block);
    }
    return undefined;
  }

  /** Resolves with the next comment. Rejects if an event comes before. */
  async nextComment(): Promise<string> {
    const block = await this.nextBlock();
    if (block === undefined || !isComment(block)) throw new Error(`This is no comment: ${block}`);
    return block;
  }

  /** The text of the next event, or of the next comment; undefined at the end. */
  async nextBlock(): Promise<string | undefined> {
    const { value } = await this.#blocks.next();
    return value ?? undefined;
  }

  /** The next `count` results. */
  async take(count: number): Promise<GraphqlResult[]> {
    const results: GraphqlResult[] = [];
    while (results.length < count) results.push(await this.next());
    return results;
  }

  /** Resolves when the server has completed the operation and ended its answer. */
  async ended(): Promise<void> {
    const event = await this.nextEvent();
    if (event?.event !== "complete") throw new Error(`The operation goes on: ${JSON.stringify(event)}`);
    if (await this.nextEvent()) throw new Error("There is more after complete.");
  }

  /** Stops reading from the network but keeps the connection open. */
  pause(): void {
    this.#response.socket.pause();
  }

  resume(): void {
    this.#response.socket.resume();
  }

  /** Disconnects without notice. */
  [Symbol.dispose](): void {
    this.#response.destroy();
    this.#connection?.[Symbol.dispose]();
  }
}

/** A request for results as server-sent events. */
export function ssePost(asked: GraphqlRequest, headers: Readonly<Record<string, string>> = {}): HttpRequest {
  return graphqlPost(asked, { accept: "text/event-stream", ...headers });
}

/** Events and comments, without the empty line at their end. */
async function* blocksOf(response: IncomingMessage): AsyncGenerator<string, void> {
  let text = "";
  response.setEncoding("utf8");
  for await (const chunk of response as AsyncIterable<string>) {
    const blocks = (text + chunk).split("\n\n");
    text = blocks.pop() ?? "";
    yield* blocks;
  }
}

export function isComment(block: string): boolean {
  return block.startsWith(":");
}

function parseEvent(block: string): ServerSentEvent {
  const fields = block.split("\n").map((line): [string, string] => {
    const [name = "", ...rest] = line.split(":");
    return [name, rest.join(":").trimStart()];
  });
  return { event: "", data: "", ...Object.fromEntries(fields) };
}
