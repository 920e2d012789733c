import type { OperationParams } from "../../graphql/pipeline/pipeline.js";
import { badUserInput, type TidemarkError } from "../../protocol/tidemark-error.js";
import { parseOperationParams } from "../operation-params.js";

/**
 * Parses the parameters in the query string of a GET request. `URLSearchParams` replaces invalid UTF-8 by U+FFFD, which
 * would make one name of two, and keeps one of several values silently. Here both are errors.
 *
 * @param url the target of the request. Node.js rejects one that is not ASCII.
 * @throws TidemarkError as `parseOperationParams`
 */
export function parseQueryParams(url: string): OperationParams {
  const values = queryValuesOf(url);
  return parseOperationParams({
    query: values.get("query"),
    operationName: values.get("operationName"),
    variables: parseJsonValue("variables", values),
    extensions: parseJsonValue("extensions", values),
  });
}

function queryValuesOf(url: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const start = url.indexOf("?");
  if (start < 0) return values;
  for (const pair of url.slice(start + 1).split("&")) {
    const [encodedName = "", ...rest] = pair.split("=");
    const name = decode(encodedName);
    if (name === undefined || !PARAMETERS.has(name)) continue;
    if (values.has(name)) throw badUserInput(`The URL has several values for ${name}. Send one.`);
    const value = decode(rest.join("="));
    if (value === undefined) throw invalidEncoding(name);
    values.set(name, value);
  }
  return values;
}

/** An empty value is absent. */
function parseJsonValue(name: string, values: ReadonlyMap<string, string>): unknown {
  const text = values.get(name);
  if (text === undefined || text === "") return undefined;
  try {
    return JSON.parse(text.replace(BYTE_ORDER_MARK, "")) as unknown;
  } catch {
    throw badUserInput(`The ${name} in the URL are not valid JSON. Send a JSON object, percent-encoded.`);
  }
}

/** Decodes a part of a query string; undefined if its bytes are not UTF-8. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}

function invalidEncoding(name: string): TidemarkError {
  return badUserInput(
    `The ${name} in the URL is not valid UTF-8. Encode it as UTF-8, then percent-encode it.`,
  );
}

const PARAMETERS: ReadonlySet<string> = new Set(["query", "operationName", "variables", "extensions"]);

const BYTE_ORDER_MARK = /^\ufeff/;
