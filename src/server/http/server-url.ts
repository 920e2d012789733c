import type { IncomingMessage } from "node:http";
import { parseHost } from "../../util/web-address.js";

/**
 * The address of this server as the client of a request uses it, without a slash at the end. Only a trusted proxy may
 * change it: with `X-Forwarded-Proto`, `X-Forwarded-Host` and, behind a path prefix, `X-Forwarded-Prefix`.
 */
export function serverUrlOf(request: IncomingMessage, trustsProxy: boolean): string {
  const own = request.headers.host ?? socketAddressOf(request);
  if (!trustsProxy) return `http://${own}`;
  const scheme = forwarded(request, "proto", isScheme) ?? "http";
  const host = forwarded(request, "host", isHost) ?? own;
  const prefix = forwarded(request, "prefix", isPrefix)?.replace(/\/$/, "") ?? "";
  return `${scheme}://${host}${prefix}`;
}

/** The value that the nearest proxy has set; undefined if it is absent or malformed. */
function forwarded(
  { headers }: IncomingMessage,
  name: string,
  isValid: (value: string) => boolean,
): string | undefined {
  const value = String(headers[`x-forwarded-${name}`] ?? "")
    .split(",")
    .at(-1)!
    .trim();
  return isValid(value) ? value : undefined;
}

function isScheme(value: string): boolean {
  return value === "http" || value === "https";
}

function isHost(value: string): boolean {
  return parseHost(value) !== undefined;
}

function isPrefix(value: string): boolean {
  return /^(\/[\w.~%-]+)+\/?$/.test(value);
}

/** For HTTP/1.0, whose requests may have no `Host`. */
function socketAddressOf({ socket: { localAddress = "", localPort } }: IncomingMessage): string {
  return `${localAddress.includes(":") ? `[${localAddress}]` : localAddress}:${localPort}`;
}
