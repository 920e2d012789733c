import type { IncomingMessage } from "node:http";

/**
 * Whether the page that asks is one of this server's, or no page at all. Browsers send `Origin` with a
 * WebSocket's handshake but ask nobody whether the page may make it, so the server must look itself.
 */
export function isSameOrigin({ headers }: IncomingMessage): boolean {
  if (headers.origin === undefined) return true;
  return URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host;
}
