import type { IncomingMessage, ServerResponse } from "node:http";
import { OperationTypeNode, type ExecutionResult } from "graphql";
import type { Caller } from "../../auth/caller.js";
import { isRejected, type OperationParams, type Pipeline } from "../../graphql/pipeline/pipeline.js";
import type { ErrorCode } from "../../protocol/error-codes.js";

/**
 * The short way of what workers and user interfaces send all day: a query or a mutation, as plain JSON by POST.
 * It goes through the same pipeline as everything, and is answered as Yoga would (a test compares them); only
 * the objects of fetch are left out, which cost several times as much as what is done between them.
 *
 * What is not quite so plain, Yoga gets.
 */
export class JsonPostHandler {
  readonly #pipeline: Pipeline;
  readonly #bodyBytesMax: number;

  constructor(pipeline: Pipeline, bodyBytesMax: number) {
    this.#pipeline = pipeline;
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** Whether its head says that it may go the short way; its body is left alone. */
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

  /** Answers it, or gives back its body where it was not so plain after all. */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    caller: Caller,
  ): Promise<Buffer | undefined> {
    const body = await bodyOf(request);
    if (!body) return undefined; // who asked is gone
    const asked = operationIn(body);
    const prepared = asked && this.#pipeline.prepare({ ...asked, caller });
    if (!prepared || (!isRejected(prepared) && prepared.kind === OperationTypeNode.SUBSCRIPTION)) return body;
    const type = ANSWER_TYPES.get(request.headers.accept ?? "*/*")!;
    const result = isRejected(prepared) ? prepared : await this.#pipeline.execute(prepared);
    const text = JSON.stringify(result);
    const retryAfter = retryAfterSeconds(result);
    const status = retryAfter ? 429 : type === JSON_TYPE ? 200 : statusOf(result);
    response.writeHead(status, [
      // No page can show this, or embed it: a request like that is no link, no form and no image. Each header costs.
      "X-Content-Type-Options",
      "nosniff",
      ...(retryAfter ? ["Retry-After", retryAfter] : []),
      "Content-Type",
      `${type}; charset=utf-8`,
      "Content-Length",
      String(Buffer.byteLength(text)),
    ]);
    response.end(text);
    return undefined;
  }
}

/** By GraphQL over HTTP: what was refused before anything was executed has a status that says so. */
function statusOf(result: ExecutionResult): number {
  if (!result.errors || "data" in result) return 200;
  return Math.max(...result.errors.map(({ extensions }) => statusOfCode(extensions["code"])));
}

/** In how many seconds who came too often may come again, as HTTP says it. */
export function retryAfterSeconds({ errors }: ExecutionResult): string | undefined {
  const retryAfterMs = errors?.[0]?.extensions["retryAfterMs"];
  return typeof retryAfterMs === "number" ? String(Math.ceil(retryAfterMs / 1_000)) : undefined;
}

export function statusOfCode(code: unknown): number {
  return STATUS_BY_CODE[code as ErrorCode] ?? 400;
}

/** What is not the client's fault. */
const STATUS_BY_CODE: Partial<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  UNAVAILABLE: 503,
  INTERNAL: 500,
};

const JSON_TYPE = "application/json";
const GRAPHQL_TYPE = "application/graphql-response+json";

const CONTENT_TYPES = new Set([JSON_TYPE, `${JSON_TYPE}; charset=utf-8`, `${JSON_TYPE};charset=utf-8`]);

/** What is answered to those who accept this. */
const ANSWER_TYPES = new Map([
  ["*/*", JSON_TYPE],
  [JSON_TYPE, JSON_TYPE],
  [`${JSON_TYPE}, text/plain, */*`, JSON_TYPE],
  [GRAPHQL_TYPE, GRAPHQL_TYPE],
  [`${GRAPHQL_TYPE}, ${JSON_TYPE}`, GRAPHQL_TYPE],
  [`${GRAPHQL_TYPE},${JSON_TYPE};q=0.9`, GRAPHQL_TYPE],
]);

/** undefined where the connection ended before all of it had come. */
function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    request.on("error", () => resolve(undefined));
  });
}

/** undefined for everything of which there is something to say. */
function operationIn(body: Buffer): OperationParams | undefined {
  try {
    const asked: unknown = JSON.parse(body.toString());
    return isOperation(asked) ? asked : undefined;
  } catch {
    return undefined;
  }
}

function isOperation(asked: unknown): asked is OperationParams {
  if (typeof asked !== "object" || asked === null) return false;
  for (const key in asked) if (!PARAMETERS.has(key)) return false;
  const { query, operationName, variables } = asked as Record<string, unknown>;
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

/** Of a length that is told, and of something. */
function isWithin(length: number, max: number): boolean {
  return length > 0 && length <= max;
}
