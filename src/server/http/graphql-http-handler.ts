import type { IncomingMessage, ServerResponse } from "node:http";
import { OperationTypeNode, type ExecutionResult } from "graphql";
import { createYoga, type Plugin, type YogaServerInstance } from "graphql-yoga";
import { bearerToken, type Authenticator } from "../../auth/authenticator.js";
import { Caller } from "../../auth/caller.js";
import type { CallerCounts } from "../../auth/caller-counts.js";
import { withExtensions } from "../../graphql/pipeline/mask-error.js";
import { EventResults } from "../../graphql/pipeline/event-results.js";
import {
  isRejected,
  type ExecutableOperation,
  type OperationParams,
  type RejectedOperation,
} from "../../graphql/pipeline/pipeline.js";
import type { Limits } from "../../protocol/limits.js";
import { badUserInput, truncateText, TidemarkError } from "../../protocol/tidemark-error.js";
import { LARGE_JSON_BYTES } from "../../util/json-bytes.js";
import type { TurnQueue } from "../../util/turn-queue.js";
import { parseOperationBytes } from "../operation-params.js";
import type { AnswerCompressor } from "./answer-compressor.js";
import { EVENT_STREAM_TYPE, JSON_TYPE, negotiateAnswer, type AnswerTypes } from "./answer-type.js";
import { retryAfterSeconds, statusOfCode, writeJsonAnswer, type JsonAnswer } from "./json-answer.js";
import { SlowAnswer } from "./slow-answer.js";
import {
  EVENT_STREAM_HEADERS,
  EventStream,
  type EventStreamOptions,
  type EventStreamTarget,
} from "./event-stream.js";
import { parseQueryParams } from "./query-params.js";
import type { RefusalLog } from "../refusal-log.js";
import { readJsonBody } from "./request-body.js";
import { RequestError } from "./request-error.js";
import { requestIdOf } from "./request-id.js";
import { setCommonHeaders } from "./common-headers.js";
import { serverUrlOf } from "./server-url.js";

/**
 * GraphQL over HTTP and over server-sent events. It reads each request itself and answers in JSON directly. GraphQL Yoga
 * gets what is left: answers as server-sent events, which it pipes, and methods other than GET and POST.
 *
 * Secure by default: it accepts only JSON bodies, so that a form of another site executes nothing, and no mutation by
 * GET. The server checks the origin before.
 */
export class GraphqlHttpHandler {
  readonly #options: GraphqlHttpHandlerOptions;
  readonly #streams = new Set<EventStream>();
  readonly #yoga: YogaServerInstance<ServerContext, object>;

  constructor(options: GraphqlHttpHandlerOptions) {
    this.#options = options;
    const { pipeline } = options;
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
      maxRequestBodySize: false,
      maskedErrors: { isDev: false, maskError: (error) => pipeline.reject(error).errors[0]! },
      plugins: [this.#answers(), this.#eventStreams()],
    });
  }

  /** Authenticates a request and answers it. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const outcome = this.callerOf(request);
    const caller = outcome instanceof Promise ? await outcome : outcome;
    if (!(caller instanceof Caller)) return rejectUnauthenticated(response, caller);
    const { method, headers } = request;
    if (method !== "POST") setCommonHeaders(response);
    if (method !== "POST" && method !== "GET") return this.#yoga(request, response, NOTHING_TO_ANSWER);
    const types = negotiateAnswer(headers.accept);
    if (!types) {
      const cause = notAcceptable(headers.accept);
      const result = this.#options.pipeline.reject(cause, requestIdOf(request));
      return this.#write({ type: JSON_TYPE, result, cause }, request, response);
    }
    await this.#answer(request, response, caller, types);
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    caller: Caller,
    types: AnswerTypes,
  ): Promise<void> {
    const { pipeline } = this.#options;
    const prepared = await this.#prepare(request, caller, types);
    if (!prepared) return; // the client disconnected
    const isSubscription = !isRejected(prepared) && prepared.kind === OperationTypeNode.SUBSCRIPTION;
    const type = isSubscription ? EVENT_STREAM_TYPE : types.result;
    if (type !== EVENT_STREAM_TYPE) {
      const answer = isRejected(prepared)
        ? { type, result: { errors: prepared.errors }, cause: prepared.cause }
        : { type, result: await pipeline.execute(prepared) };
      return this.#write(answer, request, response);
    }
    request.headers.accept = type; // Yoga would negotiate again
    setCommonHeaders(response);
    await this.#yoga(request, response, { res: response, caller, prepared });
  }

  #write(answer: JsonAnswer, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { compressor, refusals } = this.#options;
    const [error] = answer.result.errors ?? [];
    if (error) refusals.rejected(refusals.clientOf(request), error);
    return writeJsonAnswer(answer, request, response, { compressor, onLargeAnswer: this.#onLargeAnswer });
  }

  readonly #onLargeAnswer = (response: ServerResponse): void => {
    const { pipeline, refusals, slowReaderMs, onSlowReaderClosed } = this.#options;
    const onClosed = (): void => onSlowReaderClosed(refusals.clientOf(response.req));
    pipeline.backlog.add(new SlowAnswer(response, slowReaderMs, onClosed));
  };

  /** Reads and checks the operation of a request, without executing it; undefined if the client disconnected. */
  async #prepare(
    request: IncomingMessage,
    caller: Caller,
    { acceptsEvents }: AnswerTypes,
  ): Promise<ExecutableOperation | RejectedRequest | undefined> {
    const { pipeline, trustsProxy } = this.#options;
    try {
      const params = await this.#paramsOf(request);
      if (!params) return undefined;
      const lastEventId = request.headers["last-event-id"] as string | undefined; // Node.js joins several
      const requestId = requestIdOf(request);
      const serverUrl = serverUrlOf(request, trustsProxy);
      const prepared = pipeline.prepare({ ...params, caller, serverUrl, requestId, lastEventId });
      if (isRejected(prepared)) return prepared;
      if (prepared.kind === OperationTypeNode.MUTATION && request.method === "GET") throw mutationByGet();
      if (prepared.kind === OperationTypeNode.SUBSCRIPTION && !acceptsEvents) throw eventStreamRequired();
      return prepared;
    } catch (error) {
      const cause = error instanceof TidemarkError ? asRequestError(error) : undefined;
      return { ...pipeline.reject(error, requestIdOf(request)), cause };
    }
  }

  #reject(error: unknown, request: IncomingMessage): RejectedOperation {
    const { pipeline, refusals } = this.#options;
    refusals.rejected(refusals.clientOf(request), error);
    return pipeline.reject(error, requestIdOf(request));
  }

  async #paramsOf(request: IncomingMessage): Promise<OperationParams | undefined> {
    if (request.method === "GET") return parseQueryParams(request.url ?? "");
    const body = await readJsonBody(request, this.#options.limits.bodyBytesMax);
    if (body && body.length > LARGE_JSON_BYTES) await this.#options.parsing.next(request.socket);
    return body && parseOperationBytes(body);
  }

  /** Open event streams. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /** The oldest first. */
  get streams(): Iterable<EventStream> {
    return this.#streams;
  }

  /** Authenticates a request, synchronously if possible: reading a body is faster with listeners attached before it arrives. */
  callerOf(request: IncomingMessage): Caller | RejectedOperation | Promise<Caller | RejectedOperation> {
    try {
      const caller = this.#options.authenticator.authenticate(bearerToken(request.headers.authorization));
      return caller instanceof Caller
        ? caller
        : caller.catch((error: unknown) => this.#reject(error, request));
    } catch (error) {
      return this.#reject(error, request);
    }
  }

  /** Replaces Yoga's parsing, validation and execution. */
  #answers(): Plugin<object, ServerContext> {
    return {
      onRequestParse({ setRequestParser }) {
        setRequestParser(() => PARSED);
      },
      onParams: ({ setParamsHandler }) => {
        setParamsHandler(async ({ request, context }) => {
          const result = await this.#resultOf(context);
          if (isResult(result)) return result;
          if (request.signal.aborted) await result.return();
          return result as AsyncIterable<never>; // safe: only the event stream reads it
        });
      },
      onResponse({ response }) {
        response.headers.delete("Connection"); // Node.js sets it as the client asks
      },
    };
  }

  async #resultOf({ prepared, caller, res }: ServerContext): Promise<ExecutionResult | EventResults> {
    const { pipeline } = this.#options;
    if (isRejected(prepared)) return withHttpStatus(prepared);
    if (prepared.kind !== OperationTypeNode.SUBSCRIPTION) return pipeline.execute(prepared);
    return this.#countStream(caller, res) ?? pipeline.subscribe(prepared);
  }

  /** Counts an event stream as a connection of its caller until the response closes. Returns an error above the limit. */
  #countStream(caller: Caller, response: ServerResponse): RejectedOperation | undefined {
    try {
      response.once("close", this.#options.callerConnections.open(caller));
      return undefined;
    } catch (error) {
      return this.#reject(error, response.req);
    }
  }

  /** Replaces Yoga's event streams: these have ids to resume from and close slow readers. */
  #eventStreams(): Plugin<object, ServerContext> {
    return {
      onResultProcess: ({ result, serverContext, setResultProcessor }) => {
        if (!(result instanceof EventResults)) return;
        setResultProcessor((_, { Response }) => {
          const { res: response, caller } = serverContext;
          const client = this.#options.refusals.clientOf(response.req);
          const stream = this.#openStream({ results: result, response, caller, client });
          // Safe: the Response of Yoga's fetch takes a stream of Node, and pipes it.
          return new Response(stream as unknown as BodyInit, { headers: EVENT_STREAM_HEADERS });
        }, "text/event-stream");
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
  readonly trustsProxy: boolean;
  readonly callerConnections: CallerCounts;
  readonly compressor: AnswerCompressor;
  readonly refusals: RefusalLog;
  /** For large bodies, which often arrive together. */
  readonly parsing: TurnQueue;
  readonly limits: Limits;
}

/** Passed to Yoga with a request. */
interface ServerContext {
  readonly res: ServerResponse;
  readonly caller: Caller;
  readonly prepared: ExecutableOperation | RejectedRequest;
}

interface RejectedRequest extends RejectedOperation {
  /** Set if the request was rejected for its form. */
  readonly cause?: RequestError | undefined;
}

/** Rejects a request before its body is read. */
export function rejectUnauthenticated(response: ServerResponse, { errors }: RejectedOperation): void {
  setCommonHeaders(response);
  const status = Math.max(
    ...errors.map(({ extensions: { code } }) => (code === "FORBIDDEN" ? 403 : statusOfCode(code))),
  );
  response.writeHead(status, {
    "Content-Type": "application/json; charset=utf-8",
    "WWW-Authenticate": "Bearer",
  });
  response.end(JSON.stringify({ errors }));
}

function isResult(result: ExecutionResult | EventResults): result is ExecutionResult {
  return !(Symbol.asyncIterator in result);
}

/** Adds the HTTP status for Yoga to the errors of a rejected request. */
function withHttpStatus({ errors, cause }: RejectedRequest): ExecutionResult {
  const retryAfter = retryAfterSeconds({ errors });
  const http = cause
    ? { status: cause.status, headers: cause.headers }
    : retryAfter && { status: 429, headers: { "Retry-After": retryAfter } };
  if (!http) return { errors };
  return { errors: errors.map((error) => withExtensions(error, { ...error.extensions, http })) };
}

/** A request that can't be read is a 400, whatever type the client accepts. */
function asRequestError(error: TidemarkError): RequestError {
  return error instanceof RequestError ? error : new RequestError(400, error);
}

function notAcceptable(accept = ""): RequestError {
  const message = `Not acceptable: ${JSON.stringify(truncateText(accept, 100))}. Accept application/json, application/graphql-response+json or text/event-stream.`;
  return new RequestError(406, badUserInput(message));
}

function mutationByGet(): RequestError {
  const error = badUserInput("Mutations are not allowed by GET: send a POST.");
  return new RequestError(405, error, { Allow: "POST" });
}

function eventStreamRequired(): RequestError {
  const message =
    "Subscriptions over HTTP use server-sent events: send Accept: text/event-stream, or use a WebSocket.";
  return new RequestError(406, badUserInput(message));
}

/** Yoga rejects the other methods before it looks for an operation. */
const NOTHING_TO_ANSWER = {} as never;

/** Stands for the parameters, which the handler has parsed. */
const PARSED = { query: "{ __typename }" };

/** Matches no URL: the server answers health probes itself. */
const UNUSED_PATH = "\n";
