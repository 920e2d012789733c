import type { IncomingMessage, ServerResponse } from "node:http";
import { DEFAULT_PORTS, formatOrigin, isHostOf, parseHost, parseOrigin } from "../../util/web-address.js";
import { REQUEST_ID_HEADER, requestIdOf } from "./request-id.js";
import { WildcardList } from "./wildcard-list.js";

/**
 * Allows the pages of this server and of the origins that the operator names. CORS only stops a page from reading an
 * answer: a browser still sends simple requests and opens WebSockets of any page. So the server checks the origin of
 * each request before it executes anything.
 */
export class OriginPolicy {
  readonly #allowed: WildcardList;
  readonly #preflight: Readonly<Record<string, string>>;
  /** The page that was accepted last, which most requests of pages repeat. */
  #latestAllowed: string | undefined;
  #latestOwn: readonly [origin?: string, host?: string | undefined] = [];

  /**
   * @param allowed origins as the setting writes them: `https://tidemark.example`, `https://*.example`, `null`.
   * @param headers names of headers that pages of these origins may send, besides those of common clients.
   */
  constructor(allowed: readonly string[], headers: readonly string[]) {
    this.#allowed = new WildcardList(allowed);
    this.#preflight = {
      "Access-Control-Allow-Methods": "GET, POST",
      "Access-Control-Allow-Headers": [...HEADERS, ...headers].join(", "),
      "Access-Control-Max-Age": String(PREFLIGHT_SECONDS),
    };
  }

  /**
   * Whether a request comes from an allowed page, or from no page. Without `Origin`, as for an image, `Sec-Fetch-Site`
   * still reveals another site. Its `same-origin` is trusted, since no page can forge it and a proxy may change `Host`.
   */
  allows({ headers }: IncomingMessage): boolean {
    const { origin, host, "sec-fetch-site": site } = headers;
    if (origin === undefined) return !OTHER_SITES.has(site);
    return site === "same-origin" || this.#isAllowed(origin) || this.#isOwn(origin, host);
  }

  /**
   * Sets the CORS headers for an allowed origin; without credentials, since there are no cookies. Answers a preflight
   * request and returns true for it.
   */
  answerCors(request: IncomingMessage, response: ServerResponse): boolean {
    const { method, headers } = request;
    if (this.#allowed.isEmpty) return false;
    response.appendHeader("Vary", "Origin");
    if (headers.origin === undefined || !this.#isAllowed(headers.origin)) return false;
    response.setHeader("Access-Control-Allow-Origin", headers.origin);
    response.setHeader("Access-Control-Expose-Headers", "Retry-After, X-Request-Id");
    if (method !== "OPTIONS" || headers["access-control-request-method"] === undefined) return false;
    response.writeHead(204, { ...this.#preflight, [REQUEST_ID_HEADER]: requestIdOf(request) }).end();
    return true;
  }

  #isAllowed(text: string): boolean {
    if (this.#allowed.isEmpty) return false;
    if (text === this.#latestAllowed) return true;
    const origin = parseOrigin(text);
    const name = origin ? formatOrigin(origin) : text;
    if (!(origin || text === "null") || !this.#allowed.has(name)) return false; // other text must not meet a wildcard
    this.#latestAllowed = text;
    return true;
  }

  #isOwn(origin: string, host: string | undefined): boolean {
    if (origin === this.#latestOwn[0] && host === this.#latestOwn[1]) return true;
    if (!isOwn(origin, host)) return false;
    this.#latestOwn = [origin, host];
    return true;
  }
}

const OTHER_SITES: ReadonlySet<unknown> = new Set(["cross-site", "same-site"]);

/** The headers that GraphQL clients, event sources and tracing libraries send. */
const HEADERS = [
  "Authorization",
  "Content-Type",
  "Last-Event-ID",
  "X-Request-Id",
  "traceparent",
  "tracestate",
  "baggage",
  "sentry-trace",
];

/** How long a browser may remember the answer to a preflight. Chromium remembers none for longer. */
const PREFLIGHT_SECONDS = 7_200;

/**
 * Whether the page is this server's own. Ignores whether the scheme is http or https, since a proxy may terminate TLS.
 * The page of an app (`tauri://localhost`) is not, although its host may look the same.
 */
function isOwn(text: string, hostText: string | undefined): boolean {
  const origin = parseOrigin(text);
  const host = hostText === undefined ? undefined : parseHost(hostText);
  return !!origin && !!host && origin.scheme in DEFAULT_PORTS && isHostOf(origin, host);
}
