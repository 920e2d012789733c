import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { GraphQLError } from "graphql";
import type { Authenticator } from "../auth/authenticator.js";
import { Caller } from "../auth/caller.js";
import { maySeeMetrics } from "../auth/rights.js";
import type { Pipeline } from "../graphql/pipeline.js";
import type { Limits } from "../protocol/limits.js";
import { limitExceeded } from "../protocol/tidemark-error.js";
import type { Log } from "../util/log.js";
import { GraphqlHttp, refuseStranger } from "./graphql-http.js";
import { GraphiqlPage, wantsGraphiql } from "./graphiql.js";
import type { Health } from "./health.js";
import type { Metrics } from "./metrics.js";
import { isSameOrigin } from "./same-origin.js";
import { WebSockets } from "./websockets.js";

export interface ServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly keepAliveMs: number;
  readonly slowReaderMs: number;
  readonly limits: Limits;
  readonly pipeline: Pipeline;
  readonly authenticator: Authenticator;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly log: Log;
}

/**
 * The one HTTP server: it says which path is whose and leaves the rest to them.
 *
 *     /graphql   GraphiQL for a browser; GraphQL over HTTP, server-sent events and WebSocket
 *     /health    the process lives
 *     /ready     it can serve and write
 *     /metrics   for Prometheus, with the token of an admin
 *     /          to /graphql
 */
export class Server {
  readonly #options: ServerOptions;
  readonly #http: HttpServer;
  readonly #graphql: GraphqlHttp;
  readonly #graphiql: GraphiqlPage;
  readonly #webSockets: WebSockets;
  #connectionCount = 0;
  /** The Host that the latest request named, and most name. */
  #host: string | undefined;
  readonly #counted = new WeakSet<Duplex>();
  /** Connections that came when there were enough: what was there before them goes on. */
  readonly #excess = new WeakSet<Duplex>();

  constructor(options: ServerOptions) {
    this.#options = options;
    const onSlowReaderClosed = (): void => {
      options.metrics.slowReaderClosed();
      options.log.info({}, "closed a connection that nothing was read from");
    };
    const watching = { ...options, onSlowReaderClosed };
    this.#graphql = new GraphqlHttp(watching);
    this.#graphiql = new GraphiqlPage(options.authenticator.isOpen ? "WS" : "SSE");
    this.#webSockets = new WebSockets(watching);
    this.#http = createServer(HTTP_TIMEOUTS, (request, response) => void this.#handle(request, response));
    this.#http.maxConnections = options.limits.connectionsMax + REFUSED_IN_WORDS;
    this.#http.on("connection", (socket) => this.#count(socket));
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    options.metrics.gauge("connections", "Connections that are open.", () => this.#connectionCount);
    options.metrics.gauge("event_streams", "Event streams that are open.", () => this.#graphql.streamCount);
    options.metrics.gauge("websockets", "WebSockets that are open.", () => this.#webSockets.size);
  }

  /** Listens. Returns where. @throws Error when the address is taken or not this machine's. */
  async start(): Promise<{ url: string }> {
    const { host, port } = this.#options;
    this.#http.listen(port, host);
    await once(this.#http, "listening").catch((error: unknown) => {
      throw isInUse(error) ? new Error(portInUse(host, port), { cause: error }) : error;
    });
    const address = this.#http.address() as AddressInfo; // it listens on a port
    const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
    return { url: `http://${name}:${address.port}` };
  }

  /** Takes no new connections, tells clients to come back, and waits for what is being answered. */
  async stop(): Promise<void> {
    if (!this.#http.listening) return;
    const closed = once(this.#http, "close");
    this.#http.close();
    this.#graphql.closeStreams();
    await this.#webSockets.close();
    this.#http.closeIdleConnections();
    const timeout = setTimeout(() => this.#http.closeAllConnections(), DRAIN_TIMEOUT_MS);
    await closed;
    clearTimeout(timeout);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#http.listening) response.setHeader("Connection", "close");
    try {
      if (!this.#isHost(request.headers.host)) return void response.writeHead(400).end("The Host is none.\n");
      if (this.#excess.has(request.socket)) return this.#refuseConnection(response);
      await this.#route(request, response);
    } catch (error) {
      this.#options.log.error({ err: error, path: pathOf(request) }, "a request failed");
      if (!response.headersSent) response.writeHead(500);
      response.end();
    }
  }

  #isHost(host: string | undefined): boolean {
    if (host !== this.#host && !isUrlHost(host)) return false;
    this.#host = host;
    return true;
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { health } = this.#options;
    switch (pathOf(request)) {
      case "/graphql":
        return wantsGraphiql(request)
          ? this.#graphiql.handle(request, response)
          : void (await this.#graphql.handle(request, response));
      case "/health":
        return health.answerAlive(response);
      case "/ready":
        return health.answerReady(response);
      case "/metrics":
        return this.#answerMetrics(request, response);
      case "/":
        return void response.writeHead(302, { Location: "/graphql" }).end();
      default:
        return void response
          .writeHead(404, { "Content-Type": "text/plain; charset=utf-8" })
          .end("There is nothing here. The API, and GraphiQL to try it with, are at /graphql.\n");
    }
  }

  /** What is counted is over all databases and users. */
  async #answerMetrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { metrics } = this.#options;
    const caller = await this.#graphql.callerOf(request);
    if (!(caller instanceof Caller)) return refuseStranger(response, caller);
    if (maySeeMetrics(caller.rights)) return metrics.answer(response);
    response.writeHead(403, { "Content-Type": "text/plain; charset=utf-8" });
    response.end("The metrics are for an admin of all databases.\n");
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (request.headers.upgrade?.toLowerCase() !== "websocket")
      return this.#declineUpgrade(request, socket, head);
    socket.on("error", (error) => this.#options.log.debug({ err: error }, "an upgrade failed"));
    if (pathOf(request) !== "/graphql")
      return refuseUpgrade(socket, "404 Not Found", "WebSockets are at /graphql.");
    if (!isSameOrigin(request)) {
      return refuseUpgrade(socket, "403 Forbidden", "A page of another origin may not connect.");
    }
    if (this.#excess.has(request.socket))
      return refuseUpgrade(socket, "503 Service Unavailable", this.#overload().message);
    this.#webSockets.open(request, socket, head);
  }

  /**
   * Who offers another protocol is answered in this one: Java's client offers HTTP/2 with its first request.
   * Node has taken the connection for an upgrade by then, so the request is given to it again without one.
   */
  #declineUpgrade({ method, url, rawHeaders }: IncomingMessage, socket: Duplex, head: Buffer): void {
    const headers = rawHeaders.flatMap((name, at) => {
      const isOffer =
        at % 2 === 1 || ["connection", "upgrade", "http2-settings"].includes(name.toLowerCase());
      return isOffer ? [] : `${name}: ${rawHeaders[at + 1]}\r\n`;
    });
    socket.unshift(head);
    socket.unshift(Buffer.from(`${method} ${url} HTTP/1.1\r\n${headers.join("")}\r\n`, "latin1"));
    this.#http.emit("connection", socket);
  }

  #count(socket: Duplex): void {
    if (this.#counted.has(socket)) return;
    this.#counted.add(socket);
    this.#connectionCount++;
    socket.once("close", () => this.#connectionCount--);
    if (this.#connectionCount > this.#options.limits.connectionsMax) this.#excess.add(socket);
  }

  #refuseConnection(response: ServerResponse): void {
    const { message, extensions } = this.#overload();
    response.writeHead(503, { "Content-Type": "application/json", Connection: "close", "Retry-After": "1" });
    response.end(JSON.stringify({ errors: [{ message, extensions }] }));
  }

  #overload(): GraphQLError {
    const { pipeline, limits } = this.#options;
    const what = "The server has too many connections. Try again";
    return pipeline.refuse(limitExceeded("connectionsMax", what, limits.connectionsMax)).errors[0]!;
  }
}

/** A slow sender is cut off; the times are milliseconds. */
const HTTP_TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 15_000, connectionsCheckingInterval: 1_000 };

/** Connections above the bound that are still told why; more are dropped. */
const REFUSED_IN_WORDS = 100;

/** How long answers that are under way may take when the server stops, milliseconds. */
const DRAIN_TIMEOUT_MS = 2_000;

function refuseUpgrade(socket: Duplex, status: string, message: string): void {
  const body = `${message}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}

function portInUse(host: string, port: number): string {
  return `the address is in use: ${host}, port ${port}. Choose another port (--port, 0 for any free one), or stop what uses it.`;
}

function isUrlHost(host: string | undefined): boolean {
  return host === undefined || URL.canParse(`http://${host}`);
}

function pathOf(request: IncomingMessage): string {
  const [path = "/"] = (request.url ?? "/").split("?");
  return path;
}
