import { withoutPassword } from "../../util/without-password.js";

/** The text that a terminal shows when the server is ready: its addresses and a first command. */
export function startupBanner({ url, dashboard, store, readyMs }: StartupBanner): string {
  const at = url.endsWith(":4000") ? "" : ` --url ${url}`;
  return `
${dashboard ? `  Dashboard   ${url}/\n` : ""}  GraphiQL    ${url}/graphql
  Store       ${describe(store)}

  Try it in a second terminal:
  npx tidemark run${at} -- sh -c 'for i in 1 2 3 4 5; do echo $i/5 files; sleep 1; done'

  Ready in ${readyMs} ms. Press Ctrl+C to stop.

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

function describe(store: string): string {
  if (store === "memory:") return "memory: (jobs are lost when the server stops)";
  if (store.startsWith("lmdb:")) return `${store} (jobs survive a restart)`;
  return withoutPassword(store);
}
