/** GraphQL clients whose subscriptions resume, as transports of a watcher that records what it receives. */
import { createClient as createSseClient } from "graphql-sse";
import { createClient as createWsClient } from "graphql-ws";
import { WebSocket } from "ws";
import { resumableIn, type ResumableSubscriptions } from "../../../src/client/resume/resumable.js";
import { parsePosition } from "../../../src/protocol/position.js";
import type { WireConnection, WireTransport } from "../../kit/wire/connection.js";
import { taskEventsOf, type WireEvent } from "../../kit/wire/event.js";
import { withoutDelays } from "../watch/test-watches.js";

/** A client library with its options. */
export interface ClientKind {
  readonly name: string;
  readonly open: (url: string) => ResumableSubscriptions & { dispose(): void };
}

/** Both libraries, with their own retries and without. */
export const CLIENT_KINDS: readonly ClientKind[] = [
  { name: "graphql-ws", open: (url) => resumableIn(withoutDelays(), overWebSocket(url)) },
  {
    name: "graphql-ws, which retries by itself",
    open: (url) => resumableIn(withoutDelays(), overWebSocket(url, RETRIES)),
  },
  { name: "graphql-sse", open: (url) => resumableIn(withoutDelays(), overSse(url)) },
  {
    name: "graphql-sse, which retries by itself",
    open: (url) => resumableIn(withoutDelays(), overSse(url, { retryAttempts: 5, retry: async () => {} })),
  },
];

const RETRIES = { retryAttempts: 5, retryWait: async () => {}, shouldRetry: () => true };

/** A client of graphql-ws, by default without its own retries. */
export function overWebSocket(url: string, options: Partial<Parameters<typeof createWsClient>[0]> = {}) {
  const address = `${url.replace("http", "ws")}/graphql`;
  return createWsClient({ url: address, webSocketImpl: WebSocket, retryAttempts: 0, ...options });
}

/** A client of graphql-sse, by default without its own retries. */
export function overSse(url: string, options: Partial<Parameters<typeof createSseClient<false>>[0]> = {}) {
  return createSseClient({ url: `${url}/graphql`, retryAttempts: 0, ...options });
}

/** Resumes behind the back of its watcher, which sees one connection. @param onEvent is called after each event */
export function resumedTransport({ name, open }: ClientKind, onEvent: () => void): WireTransport {
  return {
    name,
    async connect(url, question): Promise<WireConnection> {
      const client = open(url);
      const results = client.iterate<{ taskEvents: WireEvent }>(taskEventsOf(question));
      let last: string | undefined;
      const nextEvent = async (): Promise<WireEvent> => {
        const { value } = await results.next();
        if (!value?.data) throw new Error(`No event: ${JSON.stringify(value)}`);
        onEvent();
        const event = value.data.taskEvents;
        const isRepeated = event.kind === "Reset" && last !== undefined && isAtOrigin(last);
        last = event.position;
        return isRepeated ? nextEvent() : event;
      };
      return {
        next: nextEvent,
        pause: () => {},
        resume: () => {},
        [Symbol.dispose]: () => client.dispose(),
      };
    },
  };
}

/** At revision 0 there is nothing to resume, so the server starts again with a Reset. */
function isAtOrigin(position: string): boolean {
  return parsePosition(position).revision === 0;
}
