import type { IncomingMessage, ServerResponse } from "node:http";
import type { ExecutionResult } from "graphql";
import { LARGE_ANSWER_BYTES } from "../../graphql/pipeline/answer-backlog.js";
import type { ErrorCode } from "../../protocol/error-codes.js";
import type { AnswerCompressor } from "./answer-compressor.js";
import { JSON_TYPE, type GRAPHQL_TYPE } from "./answer-type.js";
import type { RequestError } from "./request-error.js";
import { REQUEST_ID_HEADER, requestIdOf } from "./request-id.js";
import { setCommonHeaders } from "./common-headers.js";

export interface AnswerOptions {
  readonly compressor: AnswerCompressor;
  /** Called after a large answer was written to the socket, where it waits for its client. */
  readonly onLargeAnswer: (response: ServerResponse) => void;
}

export interface JsonAnswer {
  readonly type: typeof JSON_TYPE | typeof GRAPHQL_TYPE;
  readonly result: ExecutionResult;
  /** Set if the request was rejected for its form. */
  readonly cause?: RequestError | undefined;
}

/**
 * Writes a result as JSON. Nearly all answers of the server are such: writing them directly costs a fraction of the
 * fetch objects that GraphQL Yoga makes for each.
 */
export async function writeJsonAnswer(
  { type, result, cause }: JsonAnswer,
  request: IncomingMessage,
  response: ServerResponse,
  { compressor, onLargeAnswer }: AnswerOptions,
): Promise<void> {
  if (cause) setCommonHeaders(response); // it may be a form of another site
  const text = JSON.stringify(result);
  const compression = compressor.compress(text, request, response);
  const compressed = compression instanceof Promise ? await compression : compression;
  const retryAfter = retryAfterSeconds(result);
  const status = cause?.status ?? (retryAfter ? 429 : type === JSON_TYPE ? 200 : statusOf(result));
  const bytes = compressed?.bytes.length ?? Buffer.byteLength(text);
  response.writeHead(status, [
    // No other security headers for a POST of JSON, since each costs: no link, form or image can send it.
    "X-Content-Type-Options",
    "nosniff",
    REQUEST_ID_HEADER,
    requestIdOf(request),
    ...(retryAfter ? ["Retry-After", retryAfter] : []),
    ...(cause ? Object.entries(cause.headers).flat() : []),
    ...(compressed ? ["Content-Encoding", compressed.coding] : []),
    "Content-Type",
    `${type}; charset=utf-8`,
    "Content-Length",
    String(bytes),
  ]);
  response.end(compressed?.bytes ?? text);
  if (bytes >= LARGE_ANSWER_BYTES) onLargeAnswer(response);
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
