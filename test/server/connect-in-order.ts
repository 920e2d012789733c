import { metricReaches } from "../kit/network/raw-http.js";
import { WsClient } from "../kit/network/ws-client.js";
import { disposeAll } from "./transports.js";

/** The only WebSockets of a server, connected one after the other, so that the server knows the oldest. */
export async function connectInOrder(
  url: string,
  count: number,
): Promise<{ readonly members: readonly WsClient[] } & Disposable> {
  const clients: WsClient[] = [];
  while (clients.length < count) clients.push(await WsClient.connect(url));
  await metricReaches(url, "tidemark_websockets", count);
  return disposeAll(clients);
}
