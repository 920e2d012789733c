/**
 * What to do about an error that is printed because the program has no `onError`. It names the place that the address or the
 * token came from, because that is what newcomers look for first.
 */
import type { ErrorCode } from "../../protocol/error-codes.js";
import { environmentVariable } from "../platform.js";
import type { EndpointOptions } from "../transport/endpoint.js";

/** @param options those of `connect` */
export function remedyFor(code: ErrorCode, { url, token }: EndpointOptions): string {
  if (code === "UNAVAILABLE")
    return `The address ${originOf("URL", url, "is the default")}. The work goes on.`;
  if (code !== "UNAUTHENTICATED" && code !== "FORBIDDEN") return "Pass onError to connect() for all errors.";
  return `The token ${originOf("TOKEN", token, "is missing")}. Pass one to connect(), or set TIDEMARK_TOKEN.`;
}

function originOf(name: string, value: unknown, otherwise: string): string {
  if (value !== undefined) return "was passed to connect()";
  return environmentVariable(`TIDEMARK_${name}`) ? `came from TIDEMARK_${name}` : otherwise;
}
