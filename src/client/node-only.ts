/**
 * The parts of the SDK for Node.js only. They are imported on demand, and the field `browser` of package.json replaces them
 * with `browser-only.ts`, so that no bundle for browsers contains it.
 */
export { watchExit } from "./report/exit-reports.js";

/** The WebSocket of `ws`. */
export async function nodeWebSocket(): Promise<unknown> {
  return (await import("ws")).WebSocket;
}
