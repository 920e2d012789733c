/** A client of server-sent events: one operation over one connection, its events read in order. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import {
  HttpConnection,
  graphqlPost,
  type GraphqlAnswer,
  type GraphqlRequest,
  type HttpRequest,
} from "./raw-http.js";

/** An event as it is written: `event:` and `data:`. */
export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
}

export class SseStream implements Disposable {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly #connection: HttpConnection | undefined;
  readonly #response: IncomingMessage;
  readonly #events: AsyncGenerator<ServerSentEvent, void>;

  /** Resolves with the head of the answer. */
  static async open(url: string, asked: GraphqlRequest): Promise<SseStream> {
    const connection = new HttpConnection(url);
    return new SseStream(await connection.open(ssePost(asked)), connection);
  }

  /** @param connection is given up with the stream. */
  constructor(response: IncomingMessage, connection?: HttpConnection) {
    this.#connection = connection;
    this.#response = response;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    this.#events = eventsOf(response);
  }

  /** The next result. Rejects at the end. */
  async next(): Promise<GraphqlAnswer> {
    const { value } = await this.#events.next();
    if (value?.event !== "next") throw new Error(`The operation has ended: ${JSON.stringify(value)}`);
    return JSON.parse(value.data) as GraphqlAnswer; // safe: so the server writes it
  }

  /** The next results, so many. */
  async take(count: number): Promise<GraphqlAnswer[]> {
    const results: GraphqlAnswer[] = [];
    while (results.length < count) results.push(await this.next());
    return results;
  }

  /** Resolves when the server has said that the operation is complete, and ended its answer. */
  async ended(): Promise<void> {
    const { value } = await this.#events.next();
    if (value?.event !== "complete") throw new Error(`The operation goes on: ${JSON.stringify(value)}`);
    const { done } = await this.#events.next();
    if (!done) throw new Error("There is more after complete.");
  }

  /** Takes nothing more from the network, and leaves the connection open. */
  pause(): void {
    this.#response.socket.pause();
  }

  resume(): void {
    this.#response.socket.resume();
  }

  /** Goes away without a word. */
  [Symbol.dispose](): void {
    this.#response.destroy();
    this.#connection?.[Symbol.dispose]();
  }
}

/** An operation whose results are wanted as server-sent events. */
export function ssePost(asked: GraphqlRequest): HttpRequest {
  return graphqlPost(asked, { accept: "text/event-stream" });
}

/** Comments (the server's pings) are passed over. */
async function* eventsOf(response: IncomingMessage): AsyncGenerator<ServerSentEvent, void> {
  let text = "";
  response.setEncoding("utf8");
  for await (const chunk of response as AsyncIterable<string>) {
    const blocks = (text + chunk).split("\n\n");
    text = blocks.pop() ?? "";
    yield* blocks.filter((block) => block.includes("event:")).map(parseEvent);
  }
}

function parseEvent(block: string): ServerSentEvent {
  const fields = block.split("\n").map((line): [string, string] => {
    const [name = "", ...rest] = line.split(":");
    return [name, rest.join(":").trimStart()];
  });
  return { event: "", data: "", ...Object.fromEntries(fields) };
}
