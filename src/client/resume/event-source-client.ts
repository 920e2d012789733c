import type { SubscriptionClient, SubscriptionSink } from "./subscription-client.js";

/** The used part of `EventSource`, which browsers have. */
export interface EventSourceLike {
  /** Calls back for each event of this type. */
  addEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void;
  /** Closes the connection. */
  close(): void;
}

/** Opens an event stream at an address. */
export type EventSourceClass = new (url: string) => EventSourceLike;

/**
 * A client for `resumable` that subscribes with `EventSource`.
 *
 *     const client = resumable(eventSourceClient("/graphql"));
 *
 * An `EventSource` gives up when a server answers with an error, such as 503 while it starts. With `resumable` it does
 * not.
 *
 * @param url the GraphQL endpoint; it may have search parameters
 * @param EventSource another class than the browser's, such as one that sends headers
 */
export function eventSourceClient(
  url: string,
  EventSource: EventSourceClass = globalEventSource(),
): SubscriptionClient {
  return {
    subscribe(payload, sink) {
      const source = new EventSource(addressOf(url, payload));
      const close = (): void => source.close();
      source.addEventListener("next", ({ data }) => sink.next(resultOf(data)));
      source.addEventListener("complete", () => {
        close();
        sink.complete();
      });
      source.addEventListener("error", () => {
        close(); // otherwise it would reconnect by itself as well
        sink.error(new Error(`The event stream of ${url} was interrupted, or rejected.`));
      });
      return close;
    },
  };
}

type Payload = Parameters<SubscriptionClient["subscribe"]>[0];
type Result = Parameters<SubscriptionSink["next"]>[0];

function addressOf(url: string, { query, variables, operationName }: Payload): string {
  const search = new URLSearchParams({ query, variables: JSON.stringify(variables ?? {}) });
  if (operationName) search.set("operationName", operationName);
  return `${url}${url.includes("?") ? "&" : "?"}${search}`;
}

function resultOf(data: unknown): Result {
  return JSON.parse(String(data)) as Result; // safe: the server writes this shape
}

function globalEventSource(): EventSourceClass {
  const { EventSource } = globalThis as { readonly EventSource?: EventSourceClass };
  if (EventSource) return EventSource;
  throw new TypeError("There is no EventSource here. Pass a class, or use graphql-sse.");
}
