import type { IncomingMessage, ServerResponse } from "node:http";
import { OperationTypeNode, type ExecutionResult } from "graphql";
import type { Caller } from "../../auth/caller.js";
import { isRejected, type OperationParams, type Pipeline } from "../../graphql/pipeline/pipeline.js";
import type { ErrorCode } from "../../protocol/error-codes.js";
import type { AnswerCompressor } from "./answer-compressor.js";

/**
 * A fast path for most requests of workers and user interfaces: a query or a mutation as plain JSON by POST. It uses
 * the same pipeline and gives the same answers as Yoga (a test compares them). It skips the fetch objects, which cost
 * several times as much as the operation itself. Yoga handles all other requests.
 */
export class JsonPostHandler {
  readonly #pipeline: Pipeline;
  readonly #bodyBytesMax: number;
  readonly #compressor: AnswerCompressor;

  constructor(pipeline: Pipeline, bodyBytesMax: number, compressor: AnswerCompressor) {
    this.#pipeline = pipeline;
    this.#bodyBytesMax = bodyBytesMax;
    this.#compressor = compressor;
  }

  /** Whether the request line and headers qualify. Does not read the body. */
  accepts({ method, url, headers }: IncomingMessage): boolean {
    return (
      method === "POST" &&
      url === "/graphql" &&
      CONTENT_TYPES.has(headers["content-type"] ?? "") &&
      ANSWER_TYPES.has(headers.accept ?? "*/*") &&
      headers["content-encoding"] === undefined &&
      headers["last-event-id"] === undefined &&
      isWithin(Number(headers["content-length"]), this.#bodyBytesMax)
    );
  }

  /** Answers the request. Returns its body instead if Yoga must handle it. */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    caller: Caller,
  ): Promise<Buffer | undefined> {
    const body = await bodyOf(request);
    if (!body) return undefined; // the client disconnected
    const params = operationIn(body);
    const prepared = params && this.#pipeline.prepare({ ...params, caller });
    if (!prepared || (!isRejected(prepared) && prepared.kind === OperationTypeNode.SUBSCRIPTION)) return body;
    const type = ANSWER_TYPES.get(request.headers.accept ?? "*/*")!;
    const result = isRejected(prepared) ? prepared : await this.#pipeline.execute(prepared);
    const text = JSON.stringify(result);
    const compression = this.#compressor.compress(text, request, response);
    const compressed = compression instanceof Promise ? await compression : compression;
    const retryAfter = retryAfterSeconds(result);
    const status = retryAfter ? 429 : type === JSON_TYPE ? 200 : statusOf(result);
    response.writeHead(status, [
      // No other security headers, since each costs: no link, form or image can send this request.
      "X-Content-Type-Options",
      "nosniff",
      ...(retryAfter ? ["Retry-After", retryAfter] : []),
      ...(compressed ? ["Content-Encoding", compressed.coding] : []),
      "Content-Type",
      `${type}; charset=utf-8`,
      "Content-Length",
      String(compressed?.bytes.length ?? Buffer.byteLength(text)),
    ]);
    response.end(compressed?.bytes ?? text);
    return undefined;
  }
}

/** The status by GraphQL over HTTP: an error status if nothing was executed. */
function statusOf(result: ExecutionResult): number {
  if (!result.errors || "data" in result) return 200;
  return Math.max(...result.errors.map(({ extensions }) => statusOfCode(extensions["code"])));
}

/** The `Retry-After` header for a result that exceeded a rate limit, in seconds. */
export function retryAfterSeconds({ errors }: ExecutionResult): string | undefined {
  const retryAfterMs = errors?.[0]?.extensions["retryAfterMs"];
  return typeof retryAfterMs === "number" ? String(Math.ceil(retryAfterMs / 1_000)) : undefined;
}

export function statusOfCode(code: unknown): number {
  return STATUS_BY_CODE[code as ErrorCode] ?? 400;
}

/** All other codes are a 400: the client's fault. */
const STATUS_BY_CODE: Partial<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  UNAVAILABLE: 503,
  INTERNAL: 500,
};

const JSON_TYPE = "application/json";
const GRAPHQL_TYPE = "application/graphql-response+json";

const CONTENT_TYPES = new Set([JSON_TYPE, `${JSON_TYPE}; charset=utf-8`, `${JSON_TYPE};charset=utf-8`]);

/** The type of the answer, by Accept header. */
const ANSWER_TYPES = new Map([
  ["*/*", JSON_TYPE],
  [JSON_TYPE, JSON_TYPE],
  [`${JSON_TYPE}, text/plain, */*`, JSON_TYPE],
  [GRAPHQL_TYPE, GRAPHQL_TYPE],
  [`${GRAPHQL_TYPE}, ${JSON_TYPE}`, GRAPHQL_TYPE],
  [`${GRAPHQL_TYPE},${JSON_TYPE};q=0.9`, GRAPHQL_TYPE],
]);

/** The whole body; undefined if the connection closed early. */
function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    request.on("error", () => resolve(undefined));
  });
}

/** Parses the body; undefined if it is invalid, so that Yoga reports the error. */
function operationIn(body: Buffer): OperationParams | undefined {
  try {
    const params: unknown = JSON.parse(body.toString());
    return isOperation(params) ? params : undefined;
  } catch {
    return undefined;
  }
}

function isOperation(params: unknown): params is OperationParams {
  if (typeof params !== "object" || params === null) return false;
  for (const key in params) if (!PARAMETERS.has(key)) return false;
  const { query, operationName, variables } = params as Record<string, unknown>;
  return (
    typeof query === "string" &&
    (isAbsent(operationName) || typeof operationName === "string") &&
    (isAbsent(variables) || (typeof variables === "object" && !Array.isArray(variables)))
  );
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

const PARAMETERS = new Set(["query", "operationName", "variables"]);

function isWithin(length: number, max: number): boolean {
  return length > 0 && length <= max;
}
