import { once } from "node:events";
import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerOptions as HttpServerOptions,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { GraphQLError } from "graphql";
import { isLoopback } from "../auth/auth-spec.js";
import type { Authenticator } from "../auth/authenticator.js";
import { Caller } from "../auth/caller.js";
import { CallerCounts } from "../auth/caller-counts.js";
import { canReadMetrics } from "../auth/rights.js";
import type { DemoWorker } from "../demo/demo-worker.js";
import type { Pipeline } from "../graphql/pipeline/pipeline.js";
import type { Limits } from "../protocol/limits.js";
import { TidemarkError } from "../protocol/tidemark-error.js";
import type { Clock } from "../util/clock.js";
import { errorCodeOf } from "../util/assert.js";
import type { Log } from "../util/log.js";
import { ConnectionLimiter, type HttpRejection } from "./http/connection-limiter.js";
import { answerDemo } from "./pages/demo-endpoint.js";
import { GraphqlHttpHandler, rejectUnauthenticated } from "./http/graphql-http-handler.js";
import { GraphiqlPage, wantsGraphiql } from "./pages/graphiql-page.js";
import type { HealthProbes } from "./health-probes.js";
import { HostPolicy } from "./http/host-policy.js";
import { answerJson } from "./http/json-response.js";
import type { Metrics } from "./metrics.js";
import { statusOfCode } from "./http/json-post-handler.js";
import { OriginPolicy } from "./http/origin-policy.js";
import { setSecurityHeaders } from "./http/security-headers.js";
import type { StaticFiles } from "./pages/static-files.js";
import { GraphqlWebSocketServer } from "./websocket/graphql-websocket-server.js";

export interface ServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly keepAliveMs: number;
  readonly slowReaderMs: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly initTimeoutMs: number;
  readonly allowedOrigins: readonly string[];
  readonly allowedHosts: readonly string[];
  readonly trustsProxy: boolean;
  readonly graphiql: boolean;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly pipeline: Pipeline;
  readonly authenticator: Authenticator;
  readonly health: HealthProbes;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly about: About;
  /** Nothing where there is none. */
  readonly dashboard: StaticFiles | undefined;
  readonly demonstration: DemoWorker | undefined;
}

/** What `/about` tells, for the dashboard. */
export interface About {
  readonly version: string;
  /** Whether progress is kept. */
  readonly tracking: boolean;
  /** Whether a demonstration job can be begun by `POST /demo`. */
  readonly demo: boolean;
}

/**
 * The one HTTP server: it says which path is whose and leaves the rest to them.
 *
 *     /          the dashboard, its files in /assets; where there is none, to /graphql
 *     /about     what server this is
 *     /demo      begins the demonstration job
 *     /graphql   GraphiQL for a browser; GraphQL over HTTP, server-sent events and WebSocket
 *     /health    the process lives
 *     /ready     it can serve and write
 *     /metrics   for Prometheus, with the token of an admin
 */
export class Server {
  readonly #options: ServerOptions;
  readonly #http: HttpServer;
  readonly #graphql: GraphqlHttpHandler;
  readonly #graphiql: GraphiqlPage;
  readonly #webSockets: GraphqlWebSocketServer;
  readonly #connections: ConnectionLimiter;
  readonly #hosts: HostPolicy;
  readonly #origins: OriginPolicy;

  constructor(options: ServerOptions) {
    this.#options = options;
    const { limits, metrics, log } = options;
    const onSlowReaderClosed = (): void => {
      metrics.slowReaderClosed();
      log.info({}, "closed a connection that nothing was read from");
    };
    const watching = {
      ...options,
      callerConnections: new CallerCounts("connectionsPerUserMax", limits),
      onSlowReaderClosed,
      onInitTimeout: () => metrics.slowSenderClosed(),
    };
    this.#hosts = new HostPolicy(knownHosts(options));
    this.#origins = new OriginPolicy(options.allowedOrigins);
    this.#connections = new ConnectionLimiter(limits, { trustsProxy: options.trustsProxy });
    this.#graphql = new GraphqlHttpHandler(watching);
    this.#graphiql = new GraphiqlPage(options.authenticator.allowsAnonymous ? "WS" : "SSE");
    this.#webSockets = new GraphqlWebSocketServer(watching);
    this.#http = createServer(
      timeoutsOf(options),
      (request, response) => void this.#handle(request, response),
    );
    this.#http.maxConnections = limits.connectionsMax + REFUSED_IN_WORDS;
    this.#http.on("connection", (socket) => this.#connections.opened(socket));
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#http.on("clientError", (error, socket) => this.#declineBytes(error, socket));
    metrics.gauge("connections", "Connections that are open.", () => this.#connections.size);
    metrics.gauge("event_streams", "Event streams that are open.", () => this.#graphql.streamCount);
    metrics.gauge("websockets", "WebSockets that are open.", () => this.#webSockets.size);
  }

  /** Listens. Returns where. @throws Error when the address is taken or not this machine's. */
  async start(): Promise<{ url: string }> {
    const { host, port } = this.#options;
    this.#http.listen(port, host);
    await once(this.#http, "listening").catch((error: unknown) => {
      throw errorCodeOf(error) === "EADDRINUSE" ? new Error(portInUse(host, port), { cause: error }) : error;
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
      const refusal = this.#refusalOf(request) ?? this.#connections.begin(request, response);
      if (refusal) return this.#refuse(response, refusal);
      await this.#route(request, response);
    } catch (error) {
      this.#failed(error, response);
    }
  }

  /** Why nothing is done for a request, whatever it asks for. */
  #refusalOf(request: IncomingMessage): HttpRejection | undefined {
    switch (this.#hosts.allows(request.headers.host)) {
      case "malformed":
        return { status: 400, error: new TidemarkError("BAD_USER_INPUT", "The Host is none.") };
      case "unknown":
        return { status: 403, error: new TidemarkError("FORBIDDEN", UNKNOWN_HOST) };
      case "known":
        return undefined;
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { health, about, graphiql } = this.#options;
    const path = pathOf(request);
    const isPage = wantsGraphiql(request);
    if (path === "/graphql" && !isPage) return this.#answerGraphql(request, response);
    setSecurityHeaders(response);
    switch (path) {
      case "/graphql":
        return graphiql ? this.#graphiql.handle(request, response) : answerNothing(response);
      case "/health":
        return health.answerAlive(response);
      case "/ready":
        return health.answerReady(response);
      case "/metrics":
        return this.#answerMetrics(request, response);
      case "/about":
        return answerJson(response, 200, about);
      case "/demo":
        return this.#answerDemo(request, response);
      case "/":
        if (wantsJson(request)) return answerJson(response, 200, about);
        return this.#answerFile(path, request, response);
      default:
        return this.#answerFile(path, request, response);
    }
  }

  #answerFile(path: string, request: IncomingMessage, response: ServerResponse): void {
    const { dashboard, graphiql } = this.#options;
    if (dashboard?.has(path)) return dashboard.answer(path, request, response);
    if (path !== "/" || !graphiql) return answerNothing(response);
    // Relative, so that it leads there behind a path prefix too.
    response.writeHead(302, { Location: "graphql" }).end();
  }

  async #answerGraphql(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#origins.allows(request)) return this.#refuse(response, ofAnotherOrigin());
    if (this.#origins.answerCors(request, response)) return;
    await this.#graphql.handle(request, response);
  }

  async #answerDemo(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { demonstration, pipeline } = this.#options;
    if (!demonstration) return answerNothing(response);
    if (!this.#origins.allows(request)) return this.#refuse(response, ofAnotherOrigin());
    const caller = await this.#graphql.callerOf(request);
    if (!(caller instanceof Caller)) return rejectUnauthenticated(response, caller);
    await answerDemo({ demonstration, pipeline, caller }, request, response);
  }

  /** What is counted is over all databases and users. */
  async #answerMetrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { metrics } = this.#options;
    const caller = await this.#graphql.callerOf(request);
    if (!(caller instanceof Caller)) return rejectUnauthenticated(response, caller);
    if (canReadMetrics(caller.rights)) return metrics.answer(response);
    response.writeHead(403, { "Content-Type": "text/plain; charset=utf-8" });
    response.end("The metrics are for an admin of all databases.\n");
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    try {
      if (request.headers.upgrade?.toLowerCase() !== "websocket")
        return this.#declineUpgrade(request, socket, head);
      socket.on("error", (error) => this.#options.log.debug({ err: error }, "an upgrade failed"));
      const refusal = this.#refusalOfUpgrade(request) ?? this.#connections.begin(request, socket);
      if (refusal) return refuseUpgrade(socket, refusal.status, this.#told(refusal.error));
      this.#webSockets.open(request, socket, head);
    } catch (error) {
      refuseUpgrade(socket, 500, this.#told(error));
    }
  }

  #refusalOfUpgrade(request: IncomingMessage): HttpRejection | undefined {
    if (pathOf(request) !== "/graphql")
      return {
        status: 404,
        error: new TidemarkError("NOT_FOUND", "WebSockets are at /graphql."),
      };
    return this.#refusalOf(request) ?? (this.#origins.allows(request) ? undefined : ofAnotherOrigin());
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

  /** What can't be read as HTTP, or does not come to an end, is answered as Node.js would, and counted. */
  #declineBytes(error: NodeJS.ErrnoException, socket: Duplex): void {
    const isSlow = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
    if (isSlow) this.#options.metrics.slowSenderClosed();
    if (!socket.writable || isBeingAnswered(socket)) return void socket.destroy();
    const status = isSlow ? 408 : (STATUS_OF_BYTES[error.code ?? ""] ?? 400);
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
  }

  /** Nobody foresaw it: the log has all of it under an id, and the client is told the id. */
  #failed(error: unknown, response: ServerResponse): void {
    const told = this.#told(error);
    if (response.headersSent) return void response.destroy();
    writeErrors(response, statusOfCode(told.extensions["code"]), told);
  }

  #refuse(response: ServerResponse, { status, error, isLast = false }: HttpRejection): void {
    setSecurityHeaders(response);
    if (isLast) response.setHeader("Connection", "close");
    if (error.code === "LIMIT_EXCEEDED") response.setHeader("Retry-After", "1");
    writeErrors(response, status, this.#told(error));
  }

  /** What a client is told of it; it is counted. */
  #told(error: unknown): GraphQLError {
    return this.#options.pipeline.reject(error).errors[0]!;
  }
}

/** A slow sender is looked for so often, milliseconds. */
const CHECKING_INTERVAL_MS = 1_000;

function timeoutsOf({ headersTimeoutMs, requestTimeoutMs }: ServerOptions): HttpServerOptions {
  return {
    headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs), // Node.js refuses others
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECKING_INTERVAL_MS, headersTimeoutMs, requestTimeoutMs),
  };
}

/** Where only this machine is to reach it, and may do everything, it goes by few names; elsewhere by any. */
function knownHosts({ host, allowedHosts, authenticator }: ServerOptions): readonly string[] | undefined {
  return authenticator.allowsAnonymous && isLoopback(host) ? allowedHosts : undefined;
}

const UNKNOWN_HOST =
  "The server does not go by the name in Host. Ask for it by its address, or name it by --allow-host.";

function ofAnotherOrigin(): HttpRejection {
  const message = "A page of another origin may not use this. Name the origin by --allow-origin.";
  return { status: 403, error: new TidemarkError("FORBIDDEN", message) };
}

/** What Node.js answers where a request can't be read, by its code of error. */
const STATUS_OF_BYTES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
};

/** Connections above the bound that are still told why; more are dropped. */
const REFUSED_IN_WORDS = 100;

/** How long answers that are under way may take when the server stops, milliseconds. */
const DRAIN_TIMEOUT_MS = 2_000;

/** Whether an answer has begun that this would be in the middle of; Node.js looks at the same. */
function isBeingAnswered(socket: Duplex & { readonly _httpMessage?: ServerResponse }): boolean {
  // eslint-disable-next-line no-underscore-dangle -- Node.js has no other name for it
  return socket._httpMessage?.headersSent === true;
}

function refuseUpgrade(socket: Duplex, status: number, { message }: { readonly message: string }): void {
  const body = `${message}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function answerNothing(response: ServerResponse): void {
  response.writeHead(404, { "Content-Type": "text/plain; charset=utf-8" });
  response.end("There is nothing here. The API is at /graphql.\n");
}

function writeErrors(response: ServerResponse, status: number, error: object): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify({ errors: [error] }));
}

function portInUse(host: string, port: number): string {
  return `the address is in use: ${host}, port ${port}. Choose another port (--port, 0 for any free one), or stop what uses it.`;
}

/** A program, not a browser. */
function wantsJson({ headers: { accept = "" } }: IncomingMessage): boolean {
  return accept.includes("application/json") && !accept.includes("text/html");
}

function pathOf(request: IncomingMessage): string {
  const [path = "/"] = (request.url ?? "/").split("?");
  return path;
}
