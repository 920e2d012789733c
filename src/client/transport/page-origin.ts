/**
 * The likely reason why a page of another origin gets no answer. A browser hides from it that the server rejected it, so
 * the message names this reason along with an unreachable server.
 *
 * @param url the server's address
 * @returns undefined for a page of the server's own origin, and outside of browsers
 */
export function otherOriginRemedy(url: string): string | undefined {
  const page = pageOrigin();
  if (page === undefined || page === new URL(url).origin) return undefined;
  return `Check the address. If the server runs there, it may reject pages of other origins: start it with --allow-origin ${page}.`;
}

/** As browsers send it; `null` for a page from a file. */
function pageOrigin(): string | undefined {
  const { origin, document } = globalThis as { readonly origin?: unknown; readonly document?: unknown };
  return document !== undefined && typeof origin === "string" ? origin : undefined;
}
