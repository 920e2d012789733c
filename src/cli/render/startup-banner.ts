/** The text that a terminal shows when the server is ready: its addresses and a first command. */
export function startupBanner({ url, dashboard, store, readyMs }: StartupBanner): string {
  return `
  Tidemark is ready in ${readyMs} ms.

${dashboard ? `  Dashboard   ${url}/\n` : ""}  GraphiQL    ${url}/graphql
  WebSocket   ${url.replace(/^http/, "ws")}/graphql
  Health      ${url}/health  ${url}/ready  ${url}/metrics
  Store       ${describe(store)}

  In a second terminal:  npm run example:pagerank -- --delay-ms 200${url.endsWith(":4000") ? "" : ` --url ${url}`}
  Press Ctrl+C to stop.

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

/** The store without the credentials in its address. */
function describe(store: string): string {
  if (store === "memory:") return "memory: (jobs are lost when the server stops)";
  if (store.startsWith("lmdb:")) return `${store} (jobs survive a restart)`;
  return store.replace(/\/\/.*@/, "//***@");
}
