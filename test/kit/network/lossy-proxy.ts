import { EventEmitter, once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { HttpConnection } from "./raw-http.js";

/** The fate of a request. A held request is neither forwarded nor answered. */
export type RequestFate = "pass" | "lose the request" | "lose the answer" | "hold";

/** A GraphQL request as a client sent it. */
export interface SentRequest {
  readonly query: string;
  readonly variables: {
    readonly input?: Readonly<Record<string, unknown>>;
    readonly inputs?: readonly Readonly<Record<string, unknown>>[];
  };
}

/** A proxy that loses requests or answers on demand and records them. */
export class LossyProxy implements AsyncDisposable {
  /** Every request that arrived, including lost ones. */
  readonly requests: SentRequest[] = [];
  /** Decides for each request before it is forwarded. */
  fateOf: (request: SentRequest) => RequestFate = () => "pass";
  /** Receives the headers of each request. */
  onHead: (headers: IncomingHttpHeaders) => void = () => {};
  readonly #url: string;
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #arrivals = new EventEmitter();

  /** @param url of the server behind it. */
  static async open(url: string): Promise<LossyProxy> {
    const proxy = new LossyProxy(url);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  private constructor(url: string) {
    this.#url = url;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo; // it listens on a port
    return `http://127.0.0.1:${port}`;
  }

  /** Waits until this number of requests has arrived, and those not lost are answered. */
  async hasSeen(count: number): Promise<void> {
    while (this.requests.length < count) await once(this.#arrivals, "request");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.onHead(request.headers);
    const body = await text(request).catch(() => "");
    if (!request.complete) return; // the client closed the connection
    const sent = JSON.parse(body) as SentRequest; // so clients send it
    const fate = this.fateOf(sent);
    if (fate === "pass" || fate === "lose the answer") {
      using connection = new HttpConnection(this.#url);
      const answer = await connection.post({ ...sent, variables: { ...sent.variables } });
      if (fate === "pass") response.setHeader("content-type", "application/json").end(answer.body);
    }
    if (fate.startsWith("lose")) response.destroy();
    this.requests.push(sent);
    this.#arrivals.emit("request");
  }
}
