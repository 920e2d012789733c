/** The text on a terminal when the server is ready: its addresses and a first command. */
export function startupBanner({ url, dashboard, store, readyMs }: StartupBanner): string {
  return `
  Tidemark is ready in ${readyMs} ms.

${dashboard ? `  Dashboard   ${url}/\n` : ""}  GraphiQL    ${url}/graphql
  WebSocket   ${url.replace(/^http/, "ws")}/graphql
  Health      ${url}/health  ${url}/ready  ${url}/metrics
  Store       ${describe(store)}

  In a second terminal:  npm run example:pagerank -- --delay-ms 200${url.endsWith(":4000") ? "" : ` --url ${url}`}
  Ctrl+C stops.

`;
}

export interface StartupBanner {
  readonly url: string;
  /** Whether the server serves the dashboard. */
  readonly dashboard: boolean;
  /** As configured: `lmdb:./tidemark-data`. */
  readonly store: string;
  readonly readyMs: number;
}

/** Hides a password in the address. */
function describe(store: string): string {
  if (store === "memory:") return "memory: (forgotten when the server stops)";
  if (store.startsWith("lmdb:")) return `${store} (kept when the server stops)`;
  return store.replace(/\/\/.*@/, "//***@");
}
