import type { IncomingMessage } from "node:http";

/**
 * Brings the target of a request into the form that the rest of the server reads. A client may send an absolute URL,
 * as it does to a proxy. Then its host counts, and `Host` is ignored (RFC 9112, section 3.2.2). A request with several
 * `Host` headers is invalid, because a proxy may have checked another one than Node.js keeps.
 *
 * @returns whether the request is valid.
 */
export function normalizeTarget(request: IncomingMessage): boolean {
  if (hasSeveralHosts(request.rawHeaders)) return false;
  const { url = "/" } = request;
  if (url.startsWith("/")) return true;
  const [, host, rest = ""] = ABSOLUTE.exec(url) ?? [];
  if (host === undefined) return true; // such as `*`: no path matches it
  request.headers.host = host;
  request.url = rest.startsWith("/") ? rest : `/${rest}`;
  return true;
}

/** Names and values alternate. */
function hasSeveralHosts(rawHeaders: readonly string[]): boolean {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]!.length === 4 && rawHeaders[at]!.toLowerCase() === "host") count++;
  return count > 1;
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i;
