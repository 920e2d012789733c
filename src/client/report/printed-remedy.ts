/**
 * What to do about an error that is printed because the program has no `onError`. It names the place that the address or the
 * token came from, because that is what newcomers look for first.
 */
import type { TidemarkError } from "../../protocol/tidemark-error.js";
import { environmentVariable } from "../platform.js";
import type { EndpointOptions } from "../transport/endpoint.js";

/** @param options those of `connect` */
export function remedyFor({ code }: TidemarkError, { url, token }: EndpointOptions): string {
  switch (code) {
    case "UNAVAILABLE":
      return `The address ${originOf("url", url)}. The work goes on, and is reported later.`;
    case "UNAUTHENTICATED":
    case "FORBIDDEN":
      return `The token ${originOf("token", token)}. Pass one to connect({ token }), or set TIDEMARK_TOKEN.`;
    default:
      return "Pass onError to connect() for all errors.";
  }
}

function originOf(option: "url" | "token", value: unknown): string {
  if (value !== undefined) return `was passed to connect()`;
  const variable = `TIDEMARK_${option.toUpperCase()}`;
  if (environmentVariable(variable)) return `came from ${variable}`;
  return option === "url" ? "is the default" : "is missing";
}
