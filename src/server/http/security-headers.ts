import type { ServerResponse } from "node:http";

/**
 * What every answer tells a browser: it is what its type says and nothing else, it runs nothing, is shown in no
 * frame, is no part of another site's page, and its address is nobody's business. A page that runs something
 * gives a policy of its own in the place of this one.
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

/** To be called before the head is written. */
export function setSecurityHeaders(response: ServerResponse): void {
  for (let at = 0; at < SECURITY_HEADERS.length; at += 2)
    response.setHeader(SECURITY_HEADERS[at]!, SECURITY_HEADERS[at + 1]!);
}
