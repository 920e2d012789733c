import { once } from "node:events";
import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerOptions as HttpServerOptions,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { GraphQLError } from "graphql";
import { isLoopback } from "../auth/auth-spec.js";
import type { Authenticator } from "../auth/authenticator.js";
import type { OpenIdEndpoints } from "../auth/openid-provider.js";
import { Caller, type Role } from "../auth/caller.js";
import { CallerCounts } from "../auth/caller-counts.js";
import { canReadMetrics } from "../auth/rights.js";
import type { DemoWorker } from "../demo/demo-worker.js";
import type { Pipeline } from "../graphql/pipeline/pipeline.js";
import { CloseCode } from "../protocol/close-codes.js";
import type { Limits } from "../protocol/limits.js";
import { badUserInput, TidemarkError } from "../protocol/tidemark-error.js";
import type { Clock } from "../util/clock.js";
import { errorCodeOf } from "../util/assert.js";
import type { Log } from "../util/log.js";
import { TurnLength } from "../util/turn-length.js";
import { TurnQueue } from "../util/turn-queue.js";
import { AnswerCompressor } from "./http/answer-compressor.js";
import { ConnectionLimiter, type HttpRejection } from "./http/connection-limiter.js";
import { answerDemo } from "./pages/demo-endpoint.js";
import { GraphqlHttpHandler, rejectUnauthenticated } from "./http/graphql-http-handler.js";
import { GraphiqlPage, wantsGraphiql } from "./pages/graphiql-page.js";
import type { HealthProbes } from "./health-probes.js";
import { HostPolicy } from "./http/host-policy.js";
import { answerJson } from "./http/json-response.js";
import type { Metrics } from "./metrics.js";
import { statusOfCode } from "./http/json-answer.js";
import { OriginPolicy } from "./http/origin-policy.js";
import { PacedClose } from "./paced-close.js";
import { RefusalLog, type Client } from "./refusal-log.js";
import { normalizeTarget } from "./http/request-target.js";
import { assignRequestId, REQUEST_ID_HEADER, requestIdOf } from "./http/request-id.js";
import { setCommonHeaders } from "./http/common-headers.js";
import type { StaticFiles } from "./pages/static-files.js";
import { GOING_AWAY, GraphqlWebSocketServer } from "./websocket/graphql-websocket-server.js";

export interface ServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly keepAliveMs: number;
  readonly slowReaderMs: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly idleConnectionMs: number;
  readonly initTimeoutMs: number;
  readonly allowedOrigins: readonly string[];
  readonly allowedHosts: readonly string[];
  readonly allowedHeaders: readonly string[];
  readonly trustsProxy: boolean;
  readonly compression: boolean;
  readonly graphiql: boolean;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly pipeline: Pipeline;
  readonly authenticator: Authenticator;
  readonly health: HealthProbes;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly about: () => About;
  readonly dashboard: StaticFiles | undefined;
  readonly demonstration: DemoWorker | undefined;
  /** Shared with other work that is sliced. Default: one of its own. */
  readonly turnLength?: TurnLength;
}

/** The answer of `/about`, for the dashboard. */
export interface About {
  readonly version: string;
  /** Whether the server stores progress. */
  readonly tracking: boolean;
  /** Whether `POST /demo` starts the demonstration job. */
  readonly demo: boolean;
  /** Whether `/graphql` shows GraphiQL to a browser. */
  readonly graphiql: boolean;
  /** The address at which people open the dashboard; null if it is not set. */
  readonly publicUrl: string | null;
  /** The addresses of servers to which the dashboard moves when this one fails. */
  readonly peerUrls: readonly string[];
  /** The user of the request, if it has a valid token. */
  readonly user?: { readonly username: string; readonly role: Role } | undefined;
  /** How to sign in with an OpenID provider; absent if there is none. */
  readonly openId?: OpenIdSignIn | undefined;
  /** The limits that are on, by the names of their settings. */
  readonly limits: Readonly<Record<string, number>>;
}

interface OpenIdSignIn {
  readonly issuer: string;
  readonly clientId: string;
  readonly scope: string;
  /** The audience that a token must have. */
  readonly audience: string;
  /** Absent while the server cannot reach the provider. */
  readonly endpoints?: OpenIdEndpoints | undefined;
}

/**
 * The HTTP server: admits requests and routes them by path.
 *
 *     /          the dashboard, with its files in /assets; without it, a redirect to /graphql
 *     /about     version, features and limits of this server
 *     /demo      starts the demonstration job
 *     /graphql   GraphiQL for a browser; GraphQL over HTTP, server-sent events and WebSocket
 *     /health    liveness
 *     /ready     readiness to serve and write
 *     /metrics   for Prometheus; requires an admin token
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
  readonly #refusals: RefusalLog;
  readonly #compressor: AnswerCompressor;
  readonly #watchers: PacedClose;
  #isDraining = false;

  constructor(options: ServerOptions) {
    this.#options = options;
    const { limits, metrics, log, turnLength = new TurnLength() } = options;
    this.#compressor = new AnswerCompressor({ isOn: options.compression });
    const { trustsProxy, clock } = options;
    this.#refusals = new RefusalLog({ log, clock, trustsProxy });
    const onSlowReaderClosed = (client: Client): void => {
      metrics.slowReaderClosed();
      this.#refusals.slowReaderClosed(client);
    };
    const transportOptions = {
      ...options,
      turnLength,
      compressor: this.#compressor,
      callerConnections: new CallerCounts("connectionsPerUserMax", limits),
      refusals: this.#refusals,
      parsing: new TurnQueue(),
      onSlowReaderClosed,
      onInitTimeout: () => metrics.slowSenderClosed(),
    };
    this.#hosts = new HostPolicy(knownHosts(options));
    this.#origins = new OriginPolicy(options.allowedOrigins, options.allowedHeaders);
    this.#connections = new ConnectionLimiter(limits, { trustsProxy });
    this.#graphql = new GraphqlHttpHandler(transportOptions);
    this.#graphiql = new GraphiqlPage({
      needsToken: !options.authenticator.allowsAnonymous,
      hasDashboard: options.dashboard !== undefined,
    });
    this.#webSockets = new GraphqlWebSocketServer(transportOptions);
    this.#watchers = new PacedClose(() => [...this.#webSockets.connections, ...this.#graphql.streams], clock);
    this.#http = createServer(
      timeoutsOf(options),
      (request, response) => void this.#handle(request, response),
    );
    this.#http.on("connection", (socket) => {
      turnLength.connectionAccepted();
      this.#connections.opened(socket);
    });
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#http.on("clientError", (error, socket) => this.#rejectBytes(error, socket));
    metrics.gauge("connections", "Open connections.", () => this.#connections.size);
    metrics.gauge("event_streams", "Open event streams.", () => this.#graphql.streamCount);
    metrics.gauge("websockets", "Open WebSockets.", () => this.#webSockets.size);
  }

  /** Listens, and returns the URL. @throws Error if the address is in use or not local. */
  async start(): Promise<{ url: string }> {
    const { host, port } = this.#options;
    this.#http.listen({ port, host, backlog: BACKLOG_MAX });
    await once(this.#http, "listening").catch((error: unknown) => {
      throw errorCodeOf(error) === "EADDRINUSE" ? new Error(portInUse(host, port), { cause: error }) : error;
    });
    const address = this.#http.address() as AddressInfo; // it listens on a port
    const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
    return { url: `http://${name}:${address.port}` };
  }

  /**
   * Closes the connections of watchers over `durationMs`, while it serves all requests: a load balancer takes some time to
   * notice that the server is not ready. Resolves when no watcher is connected, or when the server stops.
   */
  async drain(durationMs: number): Promise<void> {
    if (durationMs === 0) return;
    this.#isDraining = true;
    await this.#watchers.run(durationMs, GOING_AWAY);
  }

  /** Closes the connections of watchers over `durationMs`, with TRY_AGAIN_LATER and the reason. A drain does this already. */
  closeWatchers(durationMs: number, reason: string): void {
    if (!this.#isDraining) void this.#watchers.run(durationMs, { code: CloseCode.TRY_AGAIN_LATER, reason });
  }

  /** Leaves the watchers connected that `closeWatchers` has not closed yet. */
  keepWatchers(): void {
    if (!this.#isDraining) this.#watchers.stop();
  }

  /** Stops accepting connections, disconnects subscribers, and waits for requests in progress. */
  async stop(): Promise<void> {
    this.#watchers.stop();
    if (!this.#http.listening) return;
    const closed = once(this.#http, "close");
    this.#http.close();
    for (const socket of this.#connections.sockets) closeAfterAnswer(socket);
    for (const stream of this.#graphql.streams) stream.close();
    await this.#webSockets.close();
    this.#http.closeIdleConnections();
    const timeout = setTimeout(() => this.#http.closeAllConnections(), LAST_ANSWERS_TIMEOUT_MS);
    await closed;
    clearTimeout(timeout);
    this.#refusals.close();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    assignRequestId(request);
    if (this.#isDraining || !this.#http.listening) response.setHeader("Connection", "close");
    try {
      const rejection = this.#rejectionOf(request) ?? this.#admit(request, response);
      if (rejection) return this.#reject(request, response, rejection);
      await this.#route(request, response);
    } catch (error) {
      this.#failed(error, response);
    }
  }

  #admit(request: IncomingMessage, response: ServerResponse): HttpRejection | undefined {
    if (!PROBES.has(pathOf(request))) return this.#connections.begin(request, response);
    this.#connections.beginProbe(request, response);
    return undefined;
  }

  /** Rejects a request for its `Host`, whatever its path. Comes first: it also normalizes the target. */
  #rejectionOf(request: IncomingMessage): HttpRejection | undefined {
    if (!normalizeTarget(request)) return { status: 400, error: badUserInput(SEVERAL_HOSTS) };
    switch (this.#hosts.classify(request.headers.host)) {
      case "malformed":
        return { status: 400, error: new TidemarkError("BAD_USER_INPUT", "Invalid Host header.") };
      case "unknown":
        this.#refusals.hostRejected(this.#refusals.clientOf(request), request.headers.host ?? "");
        return { status: 403, error: new TidemarkError("FORBIDDEN", UNKNOWN_HOST) };
      case "known":
        return undefined;
    }
  }

  /** Rejects a request of a page of another site. */
  #originRejectionOf(request: IncomingMessage): HttpRejection | undefined {
    if (this.#origins.allows(request)) return undefined;
    this.#refusals.originRejected(this.#refusals.clientOf(request), request.headers.origin);
    return { status: 403, error: new TidemarkError("FORBIDDEN", OTHER_ORIGIN) };
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { health, graphiql } = this.#options;
    const path = pathOf(request);
    const isPage = wantsGraphiql(request);
    if (path === "/graphql" && !isPage) return this.#answerGraphql(request, response);
    setCommonHeaders(response);
    switch (path) {
      case "/graphql":
        return graphiql ? this.#graphiql.handle(request, response) : answerNotFound(response);
      case "/health":
        return health.answerAlive(response);
      case "/ready":
        return health.answerReady(response, await this.#isAdminOfAll(request));
      case "/metrics":
        return this.#answerMetrics(request, response);
      case "/about":
        return answerJson(response, 200, await this.#aboutFor(request));
      case "/demo":
        return this.#answerDemo(request, response);
      case "/":
        if (wantsJson(request)) return answerJson(response, 200, await this.#aboutFor(request));
        return this.#answerFile(path, request, response);
      default:
        return this.#answerFile(path, request, response);
    }
  }

  #answerFile(path: string, request: IncomingMessage, response: ServerResponse): void {
    const { dashboard, graphiql } = this.#options;
    if (dashboard?.has(path)) return dashboard.answer(path, request, response);
    if (path !== "/" || !graphiql) return answerNotFound(response);
    // Relative, so that it also works behind a path prefix.
    response.writeHead(302, { Location: "graphql" }).end();
  }

  async #answerGraphql(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const rejection = this.#originRejectionOf(request);
    if (rejection) return this.#reject(request, response, rejection);
    if (this.#origins.answerCors(request, response)) return;
    await this.#graphql.handle(request, response);
  }

  async #answerDemo(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { demonstration, pipeline } = this.#options;
    if (!demonstration) return answerNotFound(response);
    const rejection = this.#originRejectionOf(request);
    if (rejection) return this.#reject(request, response, rejection);
    const caller = await this.#graphql.callerOf(request);
    if (!(caller instanceof Caller)) return rejectUnauthenticated(response, caller);
    await answerDemo({ demonstration, pipeline, caller }, request, response);
  }

  /** A probe without a token is not counted as a rejected request. */
  async #isAdminOfAll(request: IncomingMessage): Promise<boolean> {
    const { allowsAnonymous } = this.#options.authenticator;
    if (!allowsAnonymous && request.headers.authorization === undefined) return false;
    const caller = await this.#graphql.callerOf(request);
    return caller instanceof Caller && canReadMetrics(caller.rights);
  }

  /** Names the user of a valid token, so that the dashboard shows only what the user may do. */
  async #aboutFor(request: IncomingMessage): Promise<About> {
    const { about, authenticator } = this.#options;
    if (authenticator.allowsAnonymous || request.headers.authorization === undefined) return about();
    const caller = await this.#graphql.callerOf(request);
    if (!(caller instanceof Caller)) return about();
    const { username, role, job } = caller.rights;
    return { ...about(), user: { username, role: job ? "viewer" : role } };
  }

  async #answerMetrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { metrics } = this.#options;
    const caller = await this.#graphql.callerOf(request);
    if (!(caller instanceof Caller)) return rejectUnauthenticated(response, caller);
    if (canReadMetrics(caller.rights)) return metrics.answer(this.#compressor, request, response);
    response.writeHead(403, { "Content-Type": "text/plain; charset=utf-8" });
    response.end("Metrics require an admin token for all databases.\n");
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (request.headers.upgrade?.toLowerCase() !== "websocket")
      return this.#declineUpgrade(request, socket, head);
    assignRequestId(request);
    try {
      socket.on("error", (error) =>
        this.#options.log.debug({ err: error, requestId: requestIdOf(request) }, "WebSocket upgrade failed"),
      );
      const rejection = this.#rejectionOfUpgrade(request) ?? this.#connections.begin(request, socket);
      if (rejection) return this.#rejectUpgrade(request, socket, rejection);
      this.#webSockets.open(request, socket, head, this.#refusals.clientOf(request));
    } catch (error) {
      this.#rejectUpgrade(request, socket, { status: 500, error });
    }
  }

  #rejectUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    { status, error }: { readonly status: number; readonly error: unknown },
  ): void {
    const { message } = this.#report(error, request);
    const body = `${message}\n`;
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n${REQUEST_ID_HEADER}: ${requestIdOf(request)}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }

  #rejectionOfUpgrade(request: IncomingMessage): HttpRejection | undefined {
    const rejection = this.#rejectionOf(request);
    if (rejection) return rejection;
    if (pathOf(request) !== "/graphql")
      return {
        status: 404,
        error: new TidemarkError("NOT_FOUND", "Not found. WebSockets connect to /graphql."),
      };
    return this.#rejectionOf(request) ?? this.#originRejectionOf(request);
  }

  /**
   * Ignores an offer to upgrade to another protocol: Java's client offers HTTP/2 with its first request. Node already
   * handed over the connection, so it gets the request again, without the upgrade headers.
   */
  #declineUpgrade({ method, url, rawHeaders }: IncomingMessage, socket: Duplex, head: Buffer): void {
    const headers = rawHeaders.flatMap((name, at) => {
      const isOffer =
        at % 2 === 1 || ["connection", "upgrade", "http2-settings"].includes(name.toLowerCase());
      return isOffer ? [] : `${name}: ${rawHeaders[at + 1]}\r\n`;
    });
    socket.unshift(head);
    socket.unshift(Buffer.from(`${method} ${url} HTTP/1.1\r\n${headers.join("")}\r\n`, "latin1"));
    socket.on("error", ignore); // Node.js has removed its own listener
    this.#resumeHttp(socket);
  }

  /** Gives a connection back to Node.js, once its earlier requests are answered: a new parser does not know of them. */
  #resumeHttp(socket: Duplex): void {
    const answer = answerOn(socket);
    if (answer) return void answer.once("close", () => this.#resumeHttp(socket));
    if (!socket.writable) return void socket.destroy();
    socket.off("error", ignore);
    (socket as Socket).setTimeout(0);
    this.#http.emit("connection", socket);
  }

  /** Answers invalid or incomplete HTTP as Node.js does, and counts slow senders. */
  #rejectBytes(error: NodeJS.ErrnoException, socket: Duplex): void {
    const isSlow = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
    if (isSlow) this.#options.metrics.slowSenderClosed();
    if (!socket.writable || isBeingAnswered(socket)) return void socket.destroy();
    const status = isSlow ? 408 : (STATUS_OF_BYTES[error.code ?? ""] ?? 400);
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
  }

  /** Handles an unexpected error: the log has the details under an id, which the client receives. */
  #failed(error: unknown, response: ServerResponse): void {
    const reported = this.#report(error, response.req);
    if (response.headersSent) return void response.destroy();
    setCommonHeaders(response);
    writeErrors(response, statusOfCode(reported.extensions["code"]), reported);
  }

  #reject(
    request: IncomingMessage,
    response: ServerResponse,
    { status, error, isLast = false }: HttpRejection,
  ): void {
    setCommonHeaders(response);
    if (isLast) response.setHeader("Connection", "close");
    if (error.code === "LIMIT_EXCEEDED") response.setHeader("Retry-After", "1");
    writeErrors(response, status, this.#report(error, request));
  }

  /** Counts and logs an error, and masks it for the client. */
  #report(error: unknown, request: IncomingMessage): GraphQLError {
    this.#refusals.rejected(this.#refusals.clientOf(request), error);
    return this.#options.pipeline.reject(error, requestIdOf(request)).errors[0]!;
  }
}

const CHECKING_INTERVAL_MS = 1_000;

/**
 * Connections that may wait to be accepted; the system may allow fewer (`net.core.somaxconn`). Above the bound the system
 * drops them, and each client tries again after 1, 3 or 7 seconds: with the 511 of Node.js, clients that return together
 * kept everyone else waiting.
 */
const BACKLOG_MAX = 4_096;

function timeoutsOf(options: ServerOptions): HttpServerOptions {
  const { headersTimeoutMs, requestTimeoutMs, idleConnectionMs } = options;
  return {
    keepAliveTimeout: idleConnectionMs,
    headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs), // Node.js requires this
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECKING_INTERVAL_MS, headersTimeoutMs, requestTimeoutMs),
  };
}

/** A loopback server without authentication accepts only known host names; others accept any. */
function knownHosts({ host, allowedHosts, authenticator }: ServerOptions): readonly string[] | undefined {
  return authenticator.allowsAnonymous && isLoopback(host) ? allowedHosts : undefined;
}

const SEVERAL_HOSTS = "The request has several Host headers. Send one.";

const UNKNOWN_HOST =
  "Unknown host name in the Host header. Use the server's IP address, or allow the name with --allow-host.";

const OTHER_ORIGIN = "Requests from this origin are not allowed. Allow the origin with --allow-origin.";

/** The status that Node.js sends for an invalid request, by error code. */
const STATUS_OF_BYTES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
};

/** Monitoring must work when the server is full, or it would restart a healthy server. */
const PROBES: ReadonlySet<string> = new Set(["/health", "/ready", "/metrics"]);

/** How long requests in progress may take when the server stops. */
const LAST_ANSWERS_TIMEOUT_MS = 2_000;

/** Whether a response has begun, which an error must not interrupt. Node.js checks the same. */
function isBeingAnswered(socket: Duplex): boolean {
  return answerOn(socket)?.headersSent === true;
}

/** Without this, a connection would stay open after the answer until it has been idle for long enough. */
function closeAfterAnswer(socket: Socket): void {
  const response = answerOn(socket);
  if (response?.headersSent) response.once("finish", () => socket.end());
  else if (response) response.shouldKeepAlive = false;
}

function ignore(): void {}

/** The response in progress on a connection. */
function answerOn(
  socket: Duplex & { readonly _httpMessage?: ServerResponse | null },
): ServerResponse | undefined {
  // eslint-disable-next-line no-underscore-dangle -- Node.js has no other name for it
  return socket._httpMessage ?? undefined;
}

function answerNotFound(response: ServerResponse): void {
  response.writeHead(404, { "Content-Type": "text/plain; charset=utf-8" });
  response.end("Not found. The API is at /graphql.\n");
}

function writeErrors(response: ServerResponse, status: number, error: object): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify({ errors: [error] }));
}

function portInUse(host: string, port: number): string {
  return `the address is in use: ${host}, port ${port}. Choose another port (--port, 0 for any free port), or stop the other process.`;
}

/** Whether the client is a program and not a browser. */
function wantsJson({ headers: { accept = "" } }: IncomingMessage): boolean {
  return accept.includes("application/json") && !accept.includes("text/html");
}

function pathOf(request: IncomingMessage): string {
  const [path = "/"] = (request.url ?? "/").split("?");
  return path;
}
