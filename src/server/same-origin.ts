import type { IncomingMessage } from "node:http";

/**
 * Whether the page that asks is one of this server's, or no page at all. Browsers send `Origin` with a
 * WebSocket's handshake but ask nobody whether the page may make it, so the server must look itself. Where a browser
 * says so, it is taken at its word, which no page can change: behind a proxy the Host may be another one.
 */
export function isSameOrigin({ headers }: IncomingMessage): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin";
  if (headers.origin === undefined) return true;
  return URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host;
}
