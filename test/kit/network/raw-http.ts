/**
 * HTTP without a client library: a test controls what is sent and sees the complete answer. An
 * `HttpConnection` is one connection, so that a test sees whether it still works; a `RawConnection` sends
 * plain bytes, which no client library would.
 */
import { once } from "node:events";
import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { POLL_MS } from "../poll-ms.js";

/** A GraphQL request as written in a body, a URL or a message. */
export interface GraphqlRequest {
  readonly query: string;
  readonly operationName?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** The answer of a GraphQL server. */
export interface GraphqlResult {
  readonly data?: unknown;
  readonly errors?: readonly GraphqlFailure[];
}

export interface GraphqlFailure {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** One connection. The first request opens it; requests run one after the other. */
export class HttpConnection implements Disposable {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #sockets = new Set<Socket>();

  constructor(url: string) {
    this.#url = url;
  }

  /** Connections used so far; 1 if the first one served every request. */
  get socketCount(): number {
    return this.#sockets.size;
  }

  async request(options: HttpRequest = {}): Promise<HttpResponse> {
    const response = await this.open(options);
    const chunks: Buffer[] = await response.toArray();
    const body = Buffer.concat(chunks).toString();
    return { status: response.statusCode ?? 0, headers: response.headers, body };
  }

  /** Resolves with the head of the answer; the caller reads its body. */
  async open({
    method = "GET",
    path = "/graphql",
    headers = {},
    body,
  }: HttpRequest): Promise<IncomingMessage> {
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const message = request(this.#url + path, {
      method,
      agent: this.#agent,
      headers: { ...length, ...headers },
    });
    message.once("socket", (socket) => this.#sockets.add(socket));
    message.end(body);
    const [response] = (await once(message, "response")) as [IncomingMessage];
    return response;
  }

  /** Sends `body` as a GraphQL client does; a string is sent unchanged. */
  post(body: GraphqlRequest | string, headers: Readonly<Record<string, string>> = {}): Promise<HttpResponse> {
    return this.request(graphqlPost(body, headers));
  }

  get(asked: GraphqlRequest, headers: Readonly<Record<string, string>> = {}): Promise<HttpResponse> {
    return this.request({ path: graphqlPath(asked), headers: { accept: "application/json", ...headers } });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** A request by POST; a string is sent unchanged. */
export function graphqlPost(
  body: GraphqlRequest | string,
  headers: Readonly<Record<string, string>> = {},
): HttpRequest {
  return {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  };
}

/** A request by GET, completely in the URL. */
export function graphqlPath({ query, operationName, variables }: GraphqlRequest): string {
  const search = new URLSearchParams({ query });
  if (operationName !== undefined) search.set("operationName", operationName);
  if (variables !== undefined) search.set("variables", JSON.stringify(variables));
  return `/graphql?${search}`;
}

/** The GraphQL result in the body of an answer. */
export function graphqlResultOf({ body }: HttpResponse): GraphqlResult {
  // Safe for the answer of a GraphQL server; the test checks the content.
  return JSON.parse(body) as GraphqlResult;
}

/** Sends one request over its own connection. */
export async function ask(url: string, asked: GraphqlRequest): Promise<GraphqlResult> {
  using connection = new HttpConnection(url);
  return graphqlResultOf(await connection.post(asked));
}

/** The data of a request that must succeed, as the type expected by the caller. */
export async function dataOf<Data>(
  url: string,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<Data> {
  const { data, errors } = await ask(url, { query, variables });
  if (errors) throw new Error(`The server refused: ${JSON.stringify(errors)}`);
  return data as Data;
}

/** The value of a metric; 0 if it has none. `series` in Prometheus notation: `name` or `name{label="x"}`. */
export async function readMetric(
  url: string,
  series: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  using connection = new HttpConnection(url);
  const { body } = await connection.request({ path: "/metrics", headers });
  const line = body.split("\n").find((text) => text.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? 0);
}

/** Polls until the metric has the value; the time limit of the test ends a futile wait. */
export async function metricReaches(url: string, series: string, value: number): Promise<void> {
  while ((await readMetric(url, series)) !== value) await setTimeout(POLL_MS);
}

/** A TCP connection on which a test writes arbitrary bytes. */
export class RawConnection implements Disposable {
  readonly socket: Socket;
  /** Everything received, one character a byte. */
  received = "";
  #changed: (() => void)[] = [];
  #isEnded = false;

  /** Resolves when it is open. */
  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    return new RawConnection(socket);
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#change(() => (this.received += text)));
    socket.on("close", () => this.#change(() => (this.#isEnded = true)));
    socket.on("error", () => {}); // the close that follows is what tests look at
  }

  write(text: string | Buffer): void {
    this.socket.write(text);
  }

  /** Writes a request and resolves when its answer is complete. */
  async ask(text: string): Promise<string> {
    const start = this.received.length;
    this.write(text);
    await this.until(() => isWhole(this.received.slice(start)));
    return this.received.slice(start);
  }

  /** Resolves when the received text satisfies the test; rejects if the connection ends before. */
  async until(isEnough: (received: string) => boolean): Promise<string> {
    while (!isEnough(this.received)) {
      if (this.#isEnded) throw new Error(`The connection ended after ${JSON.stringify(this.received)}.`);
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
    return this.received;
  }

  /** Resolves when the server or the network has closed the connection. */
  async ended(): Promise<void> {
    while (!this.#isEnded) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  /** Closes it at once, like a killed process. */
  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #change(change: () => void): void {
    change();
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}

function isWhole(answer: string): boolean {
  const [head = "", ...rest] = answer.split("\r\n\r\n");
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  if (length !== undefined) return rest.length > 0 && rest.join("\r\n\r\n").length >= Number(length);
  return answer.endsWith("\r\n0\r\n\r\n");
}
