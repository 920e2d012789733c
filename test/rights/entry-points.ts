/** The three transports of the API, for tests that must hold on each of them. */
import {
  graphqlPost,
  HttpConnection,
  type GraphqlResult,
  type GraphqlRequest,
} from "../kit/network/raw-http.js";
import { SseStream } from "../kit/network/sse-client.js";
import { WsClient } from "../kit/network/ws-client.js";

export interface EntryPoint {
  readonly name: string;
  /** Returns the results up to the first that `isLast` accepts. Without a valid token, returns an error. */
  ask(
    url: string,
    token: string | undefined,
    request: GraphqlRequest,
    isLast: (answer: GraphqlResult) => boolean,
  ): Promise<GraphqlResult[]>;
}

const HTTP: EntryPoint = {
  name: "HTTP",
  async ask(url, token, request) {
    using connection = new HttpConnection(url);
    const { status, body } = await connection.request(graphqlPost(request, bearer(token)));
    return [parseAnswer(status, body)];
  },
};

const SSE: EntryPoint = {
  name: "SSE",
  async ask(url, token, request, isLast) {
    using connection = new HttpConnection(url);
    const post = graphqlPost(request, { accept: "text/event-stream", ...bearer(token) });
    const response = await connection.open(post);
    if (!response.headers["content-type"]?.startsWith("text/event-stream"))
      return [parseAnswer(response.statusCode, Buffer.concat(await response.toArray()).toString())];
    using stream = new SseStream(response);
    return await upTo(isLast, () => stream.next());
  },
};

const WEBSOCKET: EntryPoint = {
  name: "WebSocket",
  async ask(url, token, request, isLast) {
    using client = await WsClient.open(url);
    client.send({ type: "connection_init", payload: token === undefined ? {} : { token } });
    const acknowledged = client.next(({ type }) => type === "connection_ack");
    const first = await Promise.race([acknowledged.catch(() => client.closed), client.closed]);
    if ("code" in first) return [statusForUnauthenticated(first.code === 4401 || first.code === 4403)];
    const operation = client.subscribe(request);
    return await upTo(isLast, () => operation.next());
  },
};

export const ENTRY_POINTS = [HTTP, SSE, WEBSOCKET] as const;

export function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

function parseAnswer(status: number | undefined, body: string): GraphqlResult {
  const answer = JSON.parse(body) as GraphqlResult; // safe: a GraphQL server answers
  const isUnauthenticated = answer.errors?.[0]?.extensions?.["code"] === "UNAUTHENTICATED";
  return isUnauthenticated ? statusForUnauthenticated(status === 401) : answer;
}

function statusForUnauthenticated(isExpected: boolean): GraphqlResult {
  const code = isExpected ? "UNAUTHENTICATED" : "unexpected status";
  return { errors: [{ message: "", extensions: { code } }] };
}

async function upTo(
  isLast: (answer: GraphqlResult) => boolean,
  next: () => Promise<GraphqlResult>,
): Promise<GraphqlResult[]> {
  const answers = [await next()];
  while (!answers.at(-1)!.errors && !isLast(answers.at(-1)!)) answers.push(await next());
  return answers;
}
