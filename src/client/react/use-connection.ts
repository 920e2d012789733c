import { useSyncExternalStore } from "react";
import { CONNECTING, type ConnectionState } from "./connection-state.js";
import { useWatchClient } from "./tidemark-provider.js";

/**
 * Whether what the hooks of this provider show is current: for a badge or a banner. It connects to nothing by itself.
 *
 *     const { status, since, error } = useConnection();
 *     if (status === "stale") return <p>Reconnecting, as of {since?.toLocaleTimeString()}. {error?.message}</p>;
 */
export function useConnection(): ConnectionState {
  const client = useWatchClient();
  return useSyncExternalStore(client.onConnectionChange, client.getConnection, () => CONNECTING);
}
