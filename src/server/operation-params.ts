import type { OperationParams } from "../graphql/pipeline/pipeline.js";
import { badUserInput, TidemarkError } from "../protocol/tidemark-error.js";
import {
  InvalidUtf8Error,
  LARGE_JSON_BYTES,
  NESTING,
  OverlyNestedError,
  parseJsonBytes,
} from "../util/json-bytes.js";

/**
 * Parses the parameters of a request: the JSON body of a POST, the query string of a GET, or the payload of a
 * `subscribe` message. All transports use this parser, so that a request means the same on each of them.
 *
 * As GraphQL over HTTP requires, unknown parameters are ignored, and null is the same as absent.
 * @throws TidemarkError BAD_USER_INPUT, or PERSISTED_QUERY_NOT_SUPPORTED
 */
export function parseOperationParams(params: unknown): OperationParams {
  if (Array.isArray(params)) throw badUserInput(BATCH);
  if (typeof params !== "object" || params === null) throw badUserInput(`${NOT_AN_OBJECT}${kindOf(params)}.`);
  const { query, operationName, variables, extensions } = params as Readonly<Record<string, unknown>>;
  if (!isAbsent(extensions) && !isObject(extensions)) throw invalid("extensions", "an object", extensions);
  if (isAbsent(query) || query === "") throw missingQuery(extensions);
  if (typeof query !== "string") throw invalid("query", "a string", query);
  if (!isAbsent(operationName) && typeof operationName !== "string")
    throw invalid("operationName", "a string", operationName);
  if (!isAbsent(variables) && !isObject(variables)) throw invalid("variables", "an object", variables);
  // Many clients send an empty name if the document has one operation.
  return { query, operationName: operationName === "" ? null : operationName, variables };
}

/** Parses the parameters in a JSON text in UTF-8. @throws TidemarkError as `parseOperationParams` */
export function parseOperationBytes(bytes: Uint8Array): OperationParams {
  return parseOperationParams(parseJson(bytes));
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return parseJsonBytes(bytes);
  } catch (error) {
    if (error instanceof InvalidUtf8Error) throw badUserInput(INVALID_UTF8);
    if (error instanceof SyntaxError) throw badUserInput(INVALID_JSON);
    if (error instanceof OverlyNestedError) throw badUserInput(OVERLY_NESTED);
    throw error;
  }
}

function missingQuery(extensions: unknown): TidemarkError {
  const isPersisted = isObject(extensions) && isObject(extensions["persistedQuery"]);
  return isPersisted
    ? new TidemarkError("PERSISTED_QUERY_NOT_SUPPORTED", PERSISTED_QUERY)
    : badUserInput(MISSING_QUERY);
}

function invalid(name: string, expected: string, value: unknown): TidemarkError {
  return badUserInput(`Invalid ${name}: expected ${expected}, not ${kindOf(value)}.`);
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The kind of a JSON value, for a message. */
function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

const BATCH =
  "Batched requests (JSON arrays) are not supported. Send one operation per request; `updateTasks` takes many reports at once.";
const NOT_AN_OBJECT = `Invalid GraphQL request: expected a JSON object such as {"query": "{ databases { name } }"}, not `;
const MISSING_QUERY = "The GraphQL request has no query. Send the document as a string in `query`.";
const PERSISTED_QUERY =
  "Persisted queries are not supported: the server has no document for this hash. Send the document in `query`.";
const INVALID_UTF8 = "The GraphQL request is not valid UTF-8. Encode it as UTF-8.";
const INVALID_JSON = "The GraphQL request is not valid JSON. Send a JSON object with a `query`.";
const OVERLY_NESTED = `The GraphQL request nests lists and objects too much: above ${LARGE_JSON_BYTES} bytes, it may have ${NESTING.levelsMax} levels, and one list or object per ${NESTING.bytesMin} bytes.`;
