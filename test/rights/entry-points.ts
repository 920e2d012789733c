/** The three ways to a server, with a token: what is asked on one of them is asked on all. */
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
  /** What is answered: the results up to and with the first that is the last. A stranger is answered by an error. */
  ask(
    url: string,
    token: string | undefined,
    asked: GraphqlRequest,
    isLast: (answer: GraphqlResult) => boolean,
  ): Promise<GraphqlResult[]>;
}

const HTTP: EntryPoint = {
  name: "HTTP",
  async ask(url, token, asked) {
    using connection = new HttpConnection(url);
    const { status, body } = await connection.request(graphqlPost(asked, bearer(token)));
    return [answered(status, body)];
  },
};

const SSE: EntryPoint = {
  name: "SSE",
  async ask(url, token, asked, isLast) {
    using connection = new HttpConnection(url);
    const post = graphqlPost(asked, { accept: "text/event-stream", ...bearer(token) });
    const response = await connection.open(post);
    if (!response.headers["content-type"]?.startsWith("text/event-stream"))
      return [answered(response.statusCode, Buffer.concat(await response.toArray()).toString())];
    using stream = new SseStream(response);
    return await upTo(isLast, () => stream.next());
  },
};

const WEBSOCKET: EntryPoint = {
  name: "WebSocket",
  async ask(url, token, asked, isLast) {
    using client = await WsClient.open(url);
    client.send({ type: "connection_init", payload: token === undefined ? {} : { token } });
    const acknowledged = client.next(({ type }) => type === "connection_ack");
    const first = await Promise.race([acknowledged.catch(() => client.closed), client.closed]);
    if ("code" in first) return [statusForUnauthenticated(first.code === 4401 || first.code === 4403)];
    const operation = client.subscribe(asked);
    return await upTo(isLast, () => operation.next());
  },
};

export const ENTRY_POINTS = [HTTP, SSE, WEBSOCKET] as const;

export function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

function answered(status: number | undefined, body: string): GraphqlResult {
  const answer = JSON.parse(body) as GraphqlResult; // safe where a GraphQL server answers
  const isStranger = answer.errors?.[0]?.extensions?.["code"] === "UNAUTHENTICATED";
  return isStranger ? statusForUnauthenticated(status === 401) : answer;
}

function statusForUnauthenticated(isAsItShouldBe: boolean): GraphqlResult {
  const code = isAsItShouldBe ? "UNAUTHENTICATED" : "another end";
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
