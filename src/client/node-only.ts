/**
 * What the SDK needs in Node.js only. It is imported when it is needed, and the field `browser` of package.json replaces
 * it with `browser-only.ts`, so that no bundle for browsers contains it.
 */
export { watchExit } from "./report/exit-reports.js";

/** The WebSocket of `ws`. */
export async function nodeWebSocket(): Promise<unknown> {
  return (await import("ws")).WebSocket;
}
