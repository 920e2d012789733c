/** The four transports behind one interface, so that each test runs on all of them and no rule holds only on some. */
import {
  graphqlResultOf,
  HttpConnection,
  type GraphqlResult,
  type GraphqlRequest,
} from "../kit/network/raw-http.js";
import { ssePost, SseStream } from "../kit/network/sse-client.js";
import { WsClient } from "../kit/network/ws-client.js";

export interface Transport {
  readonly name: string;
  connect(url: string): Promise<TransportClient>;
}

/** A client with one connection. */
export interface TransportClient extends Disposable {
  /** The first result. A subscription must complete after it. */
  ask(request: GraphqlRequest): Promise<GraphqlResult>;
  /** The number of connections used so far. */
  readonly socketCount: number;
}

const POST: Transport = {
  name: "HTTP POST",
  connect: async (url) =>
    overHttp(url, async (connection, request) => graphqlResultOf(await connection.post(request))),
};

const GET: Transport = {
  name: "HTTP GET",
  connect: async (url) =>
    overHttp(url, async (connection, request) => graphqlResultOf(await connection.get(request))),
};

const SSE: Transport = {
  name: "server-sent events",
  connect: async (url) =>
    overHttp(url, async (connection, request) => {
      const stream = new SseStream(await connection.open(ssePost(request)));
      const answer = await stream.next();
      await stream.ended();
      return answer;
    }),
};

const WEBSOCKET: Transport = {
  name: "WebSocket",
  async connect(url) {
    const client = await WsClient.connect(url);
    return {
      ask: (request) => client.ask(request),
      socketCount: 1,
      [Symbol.dispose]: () => client[Symbol.dispose](),
    };
  },
};

/** Transports for queries. */
export const API_TRANSPORTS = [POST, GET, SSE, WEBSOCKET] as const;

/** Transports for mutations. */
export const CHANGING_TRANSPORTS = [POST, SSE, WEBSOCKET] as const;

/** Transports for subscriptions. */
export const WATCHING_TRANSPORTS = [SSE, WEBSOCKET] as const;

/** A subscription over its own connection. */
export interface WatchTransport {
  readonly name: string;
  watch(url: string, request: GraphqlRequest): Promise<Watcher>;
}

export interface Watcher extends Disposable {
  /** The next result. Rejects at the end. */
  next(): Promise<GraphqlResult>;
  /** Resolves when the server ends the subscription; no result may come before. */
  ended(): Promise<void>;
}

export const OVER_SSE: WatchTransport = {
  name: "server-sent events",
  watch: (url, request) => SseStream.open(url, request),
};

export const OVER_WEBSOCKET: WatchTransport = {
  name: "WebSocket",
  async watch(url, request) {
    const client = await WsClient.connect(url);
    const operation = client.subscribe(request);
    return {
      next: () => operation.next(),
      ended: () => operation.ended(),
      [Symbol.dispose]: () => client[Symbol.dispose](),
    };
  },
};

/** Several disposables that are disposed together. */
export function disposeAll<T extends Disposable>(
  members: readonly T[],
): { readonly members: readonly T[] } & Disposable {
  return { members, [Symbol.dispose]: () => members.forEach((member) => member[Symbol.dispose]()) };
}

/** A client over one HTTP connection. */
function overHttp(
  url: string,
  askOver: (connection: HttpConnection, request: GraphqlRequest) => Promise<GraphqlResult>,
): TransportClient {
  const connection = new HttpConnection(url);
  return {
    ask: (request) => askOver(connection, request),
    get socketCount() {
      return connection.socketCount;
    },
    [Symbol.dispose]: () => connection[Symbol.dispose](),
  };
}
