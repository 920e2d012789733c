import type { IncomingMessage } from "node:http";

/**
 * The address of this server as the client of a request uses it, without a slash at the end. Only a trusted proxy may
 * change it: with `X-Forwarded-Proto`, `X-Forwarded-Host` and, behind a path prefix, `X-Forwarded-Prefix`.
 */
export function serverUrlOf(request: IncomingMessage, trustsProxy: boolean): string {
  const own = request.headers.host ?? socketAddressOf(request);
  if (!trustsProxy) return `http://${own}`;
  const scheme = forwarded(request, "x-forwarded-proto", SCHEME) ?? "http";
  const host = forwarded(request, "x-forwarded-host", HOST) ?? own;
  const prefix = forwarded(request, "x-forwarded-prefix", PREFIX)?.replace(/\/$/, "") ?? "";
  return `${scheme}://${host}${prefix}`;
}

const SCHEME = /^https?$/;
const HOST = /^([\w.-]+|\[[\da-f:.]+\])(:\d+)?$/i;
const PREFIX = /^(\/[\w.~%-]+)+\/?$/;

/** The value that the nearest proxy has set; undefined if it is absent or malformed. */
function forwarded({ headers }: IncomingMessage, name: string, pattern: RegExp): string | undefined {
  const values = headers[name];
  if (typeof values !== "string") return undefined;
  const value = values.slice(values.lastIndexOf(",") + 1).trim();
  return pattern.test(value) ? value : undefined;
}

/** For HTTP/1.0, whose requests may have no `Host`. */
function socketAddressOf({ socket: { localAddress = "", localPort } }: IncomingMessage): string {
  return `${localAddress.includes(":") ? `[${localAddress}]` : localAddress}:${localPort}`;
}
