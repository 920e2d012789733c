import type { ServerResponse } from "node:http";
import { REQUEST_ID_HEADER, requestIdOf } from "./request-id.js";

/**
 * Headers of every response, besides the id of its request. The browser must trust its type, run no scripts, show it in
 * no frame, embed it in no other site, and send no referrer. A page with scripts replaces the policy by its own.
 */
const SECURITY_HEADERS: readonly string[] = [
  "X-Content-Type-Options",
  "nosniff",
  "Content-Security-Policy",
  "default-src 'none'; frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy",
  "same-origin",
  "Referrer-Policy",
  "no-referrer",
];

/** Must be called before the head is written. */
export function setCommonHeaders(response: ServerResponse): void {
  response.setHeader(REQUEST_ID_HEADER, requestIdOf(response.req));
  for (let at = 0; at < SECURITY_HEADERS.length; at += 2)
    response.setHeader(SECURITY_HEADERS[at]!, SECURITY_HEADERS[at + 1]!);
}
