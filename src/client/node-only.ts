/**
 * The parts of the SDK for Node.js only. They are imported on demand, and the field `browser` of package.json replaces them
 * with `browser-only.ts`, so that no bundle for browsers contains it.
 */
import type { ClientRequest } from "node:http";

export { watchExit } from "./report/exit-reports.js";

/** Opens a WebSocket of `ws`. @param isInBackground whether the process may exit at any time, even while it opens */
export async function openNodeSocket(
  url: string,
  protocol: string,
  isInBackground: boolean,
): Promise<unknown> {
  const { WebSocket } = await import("ws");
  return new WebSocket(url, protocol, isInBackground ? { finishRequest: unrefSocket } : {});
}

function unrefSocket(request: ClientRequest): void {
  request.once("socket", (socket) => socket.unref());
  request.end();
}
