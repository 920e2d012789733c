import type { IncomingMessage, ServerResponse } from "node:http";
import { GraphQLError, OperationTypeNode, type ExecutionResult } from "graphql";
import { createYoga, type GraphQLParams, type Plugin, type YogaServerInstance } from "graphql-yoga";
import { bearerToken, type Authenticator } from "../../auth/authenticator.js";
import { Caller } from "../../auth/caller.js";
import type { CallerCounts } from "../../auth/caller-counts.js";
import { withExtensions } from "../../graphql/pipeline/mask-error.js";
import { EventResults } from "../../graphql/pipeline/event-results.js";
import {
  isRejected,
  type OperationRequest,
  type RejectedOperation,
} from "../../graphql/pipeline/pipeline.js";
import type { Limits } from "../../protocol/limits.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import { isJson } from "./json-response.js";
import type { AnswerCompressor } from "./answer-compressor.js";
import { JsonPostHandler, retryAfterSeconds, statusOfCode } from "./json-post-handler.js";
import {
  EVENT_STREAM_HEADERS,
  EventStream,
  type EventStreamOptions,
  type EventStreamTarget,
} from "./event-stream.js";
import { setSecurityHeaders } from "./security-headers.js";

/**
 * GraphQL over HTTP and over server-sent events. GraphQL Yoga implements the GraphQL over HTTP specification; the
 * pipeline executes the operations. `JsonPostHandler` and `EventStream` bypass Yoga for speed: see
 * `websocket/websocket-subscription.ts`.
 *
 * Secure by default: it accepts only JSON bodies, so that a form of another site executes nothing, and no mutation by
 * GET. The server checks the origin before.
 */
export class GraphqlHttpHandler {
  readonly #options: GraphqlHttpHandlerOptions;
  readonly #streams = new Set<EventStream>();
  readonly #jsonPost: JsonPostHandler;
  readonly #yoga: YogaServerInstance<ServerContext, object>;

  constructor(options: GraphqlHttpHandlerOptions) {
    this.#options = options;
    const { pipeline, limits } = options;
    this.#jsonPost = new JsonPostHandler(pipeline, limits.bodyBytesMax, options.compressor);
    this.#yoga = createYoga<ServerContext>({
      schema: pipeline.schema,
      graphqlEndpoint: "/graphql",
      cors: false,
      graphiql: false,
      landingPage: false,
      multipart: false,
      logging: false,
      healthCheckEndpoint: UNUSED_PATH,
      parserAndValidationCache: false,
      maxRequestBodySize: limits.bodyBytesMax,
      maskedErrors: {
        isDev: false,
        maskError: (error) => pipeline.reject(toRequestError(error, limits)).errors[0]!,
      },
      plugins: [jsonOnly(), this.#throughPipeline(), this.#eventStreams(), this.#compressed()],
    });
  }

  /** Authenticates a request and answers it. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const outcome = this.callerOf(request);
    const caller = outcome instanceof Promise ? await outcome : outcome;
    if (!(caller instanceof Caller)) return rejectUnauthenticated(response, caller);
    if (this.#jsonPost.accepts(request)) {
      const body = await this.#jsonPost.handle(request, response, caller);
      if (!body) return;
      Object.assign(request, { body }); // Yoga reads the consumed body from here
    }
    setSecurityHeaders(response);
    await this.#yoga(request, response, { caller });
  }

  /** Open event streams. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /** Ends every event stream, so that its client reconnects. */
  closeStreams(): void {
    for (const stream of this.#streams) stream.close();
  }

  /** Authenticates a request, synchronously if possible: reading a body is faster with listeners attached before it arrives. */
  callerOf({ headers }: IncomingMessage): Caller | RejectedOperation | Promise<Caller | RejectedOperation> {
    const { authenticator, pipeline } = this.#options;
    try {
      const caller = authenticator.authenticate(bearerToken(headers.authorization));
      return caller instanceof Caller ? caller : caller.catch((error: unknown) => pipeline.reject(error));
    } catch (error) {
      return pipeline.reject(error);
    }
  }

  /** Replaces Yoga's parsing, validation and execution. */
  #throughPipeline(): Plugin<object, ServerContext> {
    return {
      onParams: ({ setParamsHandler }) => {
        setParamsHandler(async ({ request, params, context }) => {
          const result = await this.#run(request, context, {
            caller: context.caller,
            query: params.query ?? "",
            operationName: params.operationName,
            variables: params.variables,
            lastEventId: request.headers.get("last-event-id"),
          });
          if (isResult(result)) return withHttpStatus(result);
          if (request.signal.aborted) await result.return();
          return result as AsyncIterable<never>; // safe: only the event stream reads it
        });
      },
    };
  }

  async #run(
    { method, headers }: Request,
    { res }: ServerContext,
    request: OperationRequest,
  ): Promise<ExecutionResult | EventResults> {
    const { pipeline } = this.#options;
    const prepared = pipeline.prepare(request);
    if (isRejected(prepared)) return prepared;
    const { kind } = prepared;
    if (kind === OperationTypeNode.MUTATION && method === "GET") {
      return pipeline.reject(
        withStatus(405, "Mutations are not allowed by GET: send a POST.", { Allow: "POST" }),
      );
    }
    if (kind !== OperationTypeNode.SUBSCRIPTION) return pipeline.execute(prepared);
    if (!headers.get("accept")?.includes("text/event-stream")) {
      return pipeline.reject(withStatus(406, EVENT_STREAM_REQUIRED));
    }
    return this.#countStream(request.caller, res) ?? pipeline.subscribe(prepared);
  }

  /** Counts an event stream as a connection of its caller until the response closes. Returns an error above the limit. */
  #countStream(caller: Caller, response: ServerResponse): RejectedOperation | undefined {
    try {
      response.once("close", this.#options.callerConnections.open(caller));
      return undefined;
    } catch (error) {
      return this.#options.pipeline.reject(error);
    }
  }

  /** Replaces Yoga's event streams: these have ids to resume from and close slow readers. */
  #eventStreams(): Plugin<object, ServerContext> {
    return {
      onResultProcess: ({ result, serverContext, setResultProcessor }) => {
        if (!(result instanceof EventResults)) return;
        setResultProcessor((_, { Response }) => {
          const { res: response, caller } = serverContext;
          const stream = this.#openStream({ results: result, response, caller });
          // Safe: the Response of Yoga's fetch takes a stream of Node, and pipes it.
          return new Response(stream as unknown as BodyInit, { headers: EVENT_STREAM_HEADERS });
        }, "text/event-stream");
      },
    };
  }

  /** Compresses answers that Yoga has made. */
  #compressed(): Plugin<object, ServerContext> {
    return {
      onResponse: async ({ response, serverContext, setResponse, fetchAPI }) => {
        if (!response.headers.get("content-type")?.includes("json")) return;
        const { req, res } = serverContext;
        const body = await response.text();
        const compressed = await this.#options.compressor.compress(body, req, res);
        const headers = new fetchAPI.Headers(response.headers);
        if (compressed) headers.set("Content-Encoding", compressed.coding);
        headers.set("Content-Length", String(compressed?.bytes.length ?? Buffer.byteLength(body)));
        const content = (compressed?.bytes as Uint8Array<ArrayBuffer> | undefined) ?? body; // safe: not shared
        setResponse(new fetchAPI.Response(content, { status: response.status, headers }));
      },
    };
  }

  #openStream(target: EventStreamTarget): EventStream {
    const stream = new EventStream(target, this.#options);
    this.#streams.add(stream);
    stream.once("close", () => this.#streams.delete(stream));
    return stream;
  }
}

export interface GraphqlHttpHandlerOptions extends EventStreamOptions {
  readonly authenticator: Authenticator;
  readonly callerConnections: CallerCounts;
  readonly compressor: AnswerCompressor;
  readonly limits: Limits;
}

interface ServerContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly caller: Caller;
}

/** Rejects a request before its body is read. */
export function rejectUnauthenticated(response: ServerResponse, { errors }: RejectedOperation): void {
  setSecurityHeaders(response);
  const status = Math.max(...errors.map(({ extensions }) => statusOfCode(extensions["code"])));
  response.writeHead(status, {
    "Content-Type": "application/json; charset=utf-8",
    "WWW-Authenticate": "Bearer",
  });
  response.end(JSON.stringify({ errors }));
}

/** Rejects bodies other than JSON before they are read. */
function jsonOnly(): Plugin {
  return {
    onRequestParse({ request, setRequestParser }) {
      if (request.method !== "POST") return;
      if (!isJson(request.headers.get("content-type"))) {
        throw withStatus(415, "Unsupported Content-Type: a GraphQL POST requires application/json.");
      }
      setRequestParser(readJson);
    },
  };
}

async function readJson(request: Request): Promise<GraphQLParams> {
  const body: unknown = await request.json();
  if (typeof body === "object" && body !== null) return body;
  throw withStatus(400, "Invalid GraphQL request: the body must be a JSON object with a query.");
}

function isResult(result: ExecutionResult | EventResults): result is ExecutionResult {
  return !(Symbol.asyncIterator in result);
}

/** Adds an HTTP status to a result without data, for application/graphql-response+json. */
function withHttpStatus(result: ExecutionResult): ExecutionResult {
  if (!result.errors || "data" in result) return result;
  const retryAfter = retryAfterSeconds(result);
  if (retryAfter) return { errors: result.errors.map((error) => withRetryAfter(error, retryAfter)) };
  return { errors: result.errors.map((error) => ("http" in error.extensions ? error : asRejected(error))) };
}

function withRetryAfter(error: GraphQLError, retryAfter: string): GraphQLError {
  const http = { status: 429, headers: { "Retry-After": retryAfter } };
  return withExtensions(error, { ...error.extensions, http });
}

function asRejected(error: GraphQLError): GraphQLError {
  const status = statusOfCode(error.extensions["code"]);
  return withExtensions(error, { ...error.extensions, http: { status, spec: true } });
}

const EVENT_STREAM_REQUIRED =
  "Subscriptions over HTTP use server-sent events: send Accept: text/event-stream, or use a WebSocket.";

/** Matches no URL: the server answers health probes itself. */
const UNUSED_PATH = "\n";

/** Rewords Yoga's own errors, which occur while it reads a request. */
function toRequestError(error: unknown, limits: Limits): unknown {
  if (error instanceof SyntaxError)
    return withStatus(400, "Invalid JSON in the body, the variables or the extensions.");
  if (!(error instanceof GraphQLError) || statusOf(error) !== 413) return error;
  const { bodyBytesMax } = limits;
  return new GraphQLError(`The request body is larger than ${bodyBytesMax} bytes (bodyBytesMax).`, {
    extensions: { code: "LIMIT_EXCEEDED", limit: "bodyBytesMax", http: { status: 413 } },
  });
}

function statusOf({ extensions }: GraphQLError): unknown {
  const http: unknown = extensions["http"];
  return typeof http === "object" && http !== null && "status" in http ? http.status : undefined;
}

function withStatus(status: number, message: string, headers: Record<string, string> = {}): GraphQLError {
  const { extensions } = new TidemarkError("BAD_USER_INPUT", message);
  return new GraphQLError(message, { extensions: { ...extensions, http: { status, headers } } });
}
