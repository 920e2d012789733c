import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * Whose pages may use the API: this server's own, and those of the origins that the operator names. A browser
 * asks before it lets a page read an answer (CORS), but sends a simple request, and opens a WebSocket, without
 * asking: so the server looks itself at where a request comes from, before anything is done.
 */
export class OriginPolicy {
  readonly #allowed: ReadonlySet<string>;

  /** @param allowed origins as browsers write them: `https://tidemark.example`. */
  constructor(allowed: readonly string[]) {
    this.#allowed = new Set(allowed);
  }

  /**
   * Whether the request comes from no page, or from one that may. Where the browser names no origin, as with an
   * image, it still says whether the page is of another site; and that it is of this one is taken at its word, which
   * no page can change: behind a proxy the Host may be another one.
   */
  allows({ headers }: IncomingMessage): boolean {
    const { origin, host, "sec-fetch-site": site } = headers;
    if (origin === undefined) return !OF_ANOTHER.has(site);
    return site === "same-origin" || this.#allowed.has(origin) || isOwn(origin, host);
  }

  /**
   * Lets a page of an origin that is allowed read the answer; no cookies are meant, as there are none. Returns true
   * for the question that a browser asks beforehand, which is answered then.
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

const OF_ANOTHER: ReadonlySet<unknown> = new Set(["cross-site", "same-site"]);

const PREFLIGHT = {
  "Access-Control-Allow-Methods": "GET, POST",
  "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
  "Access-Control-Max-Age": "600",
};

/** Whether it is a page of this server: TLS may end before it, so the scheme says nothing. */
function isOwn(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}
