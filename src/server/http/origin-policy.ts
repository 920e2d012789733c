import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * Allows the pages of this server and of the origins that the operator names. CORS only stops a page from reading an
 * answer: a browser still sends simple requests and opens WebSockets of any page. So the server checks the origin of
 * each request before it executes anything.
 */
export class OriginPolicy {
  readonly #allowed: ReadonlySet<string>;

  /** @param allowed origins as browsers write them: `https://tidemark.example`. */
  constructor(allowed: readonly string[]) {
    this.#allowed = new Set(allowed);
  }

  /**
   * Whether a request comes from an allowed page, or from no page. Without `Origin`, as for an image, `Sec-Fetch-Site`
   * still reveals another site. Its `same-origin` is trusted, since no page can forge it and a proxy may change `Host`.
   */
  allows({ headers }: IncomingMessage): boolean {
    const { origin, host, "sec-fetch-site": site } = headers;
    if (origin === undefined) return !OTHER_SITES.has(site);
    return site === "same-origin" || this.#allowed.has(origin) || isOwn(origin, host);
  }

  /**
   * Sets the CORS headers for an allowed origin; without credentials, since there are no cookies. Answers a preflight
   * request and returns true for it.
   */
  answerCors({ method, headers }: IncomingMessage, response: ServerResponse): boolean {
    if (this.#allowed.size === 0) return false;
    response.appendHeader("Vary", "Origin");
    if (headers.origin === undefined || !this.#allowed.has(headers.origin)) return false;
    response.setHeader("Access-Control-Allow-Origin", headers.origin);
    response.setHeader("Access-Control-Expose-Headers", "Retry-After");
    if (method !== "OPTIONS" || headers["access-control-request-method"] === undefined) return false;
    response.writeHead(204, PREFLIGHT).end();
    return true;
  }
}

const OTHER_SITES: ReadonlySet<unknown> = new Set(["cross-site", "same-site"]);

const PREFLIGHT = {
  "Access-Control-Allow-Methods": "GET, POST",
  "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
  "Access-Control-Max-Age": "600",
};

/** Whether the page is this server's own. Ignores the scheme, since a proxy may terminate TLS. */
function isOwn(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}
