import type { WatchTransport } from "../transport/watch-session.js";
import type { Attempt, EndedSession } from "./watch-connection.js";

/**
 * Attempts one transport after the other until one opens. Those that have connected before go first. Only a watch uses more
 * than one, so that a page that only reports does not load it.
 *
 * @param transports at least one
 */
export function withFallback(transports: readonly WatchTransport[]): Attempt {
  const proven = new Set<WatchTransport>();
  return async (open) => {
    let session: EndedSession | undefined;
    for (const transport of new Set([...transports.filter((one) => proven.has(one)), ...transports])) {
      session = await open(transport);
      if (session.isAcknowledged) proven.add(transport);
      if (session.end.kind !== "unopened") break;
    }
    return session!; // safe: there is a transport
  };
}
