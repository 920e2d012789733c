/** Two transports of a subscription, for watchers that may pause and resume. */
import { HttpConnection, type GraphqlResult } from "../network/raw-http.js";
import { ssePost, SseStream } from "../network/sse-client.js";
import { taskEventsOf, type WireEvent, type WireSubscription } from "./event.js";
import { WsClient } from "../network/ws-client.js";

/** One subscription over its own connection; disposing of it disconnects without notice. */
export interface WireConnection extends Disposable {
  /** The next event. Rejects when the connection ends. */
  next(): Promise<WireEvent>;
  /** Stops reading from the network but keeps the connection open. */
  pause(): void;
  resume(): void;
}

export interface WireTransport {
  readonly name: string;
  connect(url: string, question: WireSubscription): Promise<WireConnection>;
}

const OVER_WEBSOCKET: WireTransport = {
  name: "WebSocket",
  async connect(url, question) {
    const client = await WsClient.connect(url);
    const operation = client.subscribe(taskEventsOf(question));
    return {
      next: async () => eventOf(await operation.next()),
      pause: () => client.socket.pause(),
      resume: () => client.socket.resume(),
      [Symbol.dispose]: () => client[Symbol.dispose](),
    };
  },
};

/** Resumes like a browser: the same request with the position in Last-Event-ID. */
const OVER_SSE: WireTransport = {
  name: "server-sent events",
  async connect(url, { after, ...question }) {
    const http = new HttpConnection(url);
    const { headers, ...request } = ssePost(taskEventsOf({ ...question, after: null }));
    const standing = after === null ? {} : { "last-event-id": after };
    const stream = new SseStream(await http.open({ ...request, headers: { ...headers, ...standing } }), http);
    return {
      next: async () => eventOf(await stream.next()),
      pause: () => stream.pause(),
      resume: () => stream.resume(),
      [Symbol.dispose]: () => stream[Symbol.dispose](),
    };
  },
};

export const WIRE_TRANSPORTS = [OVER_WEBSOCKET, OVER_SSE] as const;

function eventOf({ data, errors }: GraphqlResult): WireEvent {
  if (errors) throw new Error(`The subscription was refused: ${JSON.stringify(errors)}`);
  return (data as { taskEvents: WireEvent }).taskEvents; // safe: so the document asks for it
}
