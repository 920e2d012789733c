import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AnswerCompressor } from "../../../src/server/http/answer-compressor.js";
import { JsonPostHandler } from "../../../src/server/http/json-post-handler.js";
import { HttpConnection, type HttpResponse } from "../../kit/network/raw-http.js";
import { startServer, type TestServer } from "../../kit/server/server.js";

/** Equivalent Accept headers that only Yoga accepts, because of the type parameters. */
const ACCEPTED = [
  ["application/json", "application/json;charset=utf-8"],
  ["application/graphql-response+json", "application/graphql-response+json;charset=utf-8"],
  ["*/*", "*/*;charset=utf-8"],
  ["application/json, text/plain, */*", "application/json;charset=utf-8, text/plain, */*"],
  [
    "application/graphql-response+json, application/json",
    "application/graphql-response+json;charset=utf-8, application/json",
  ],
  [
    "application/graphql-response+json,application/json;q=0.9",
    "application/graphql-response+json;charset=utf-8,application/json;q=0.9",
  ],
] as const;

const BODIES: Readonly<Record<string, string>> = {
  "a query": json({ query: "{ __typename }" }),
  "a query with variables": json({
    query: "query ($d: String!) { taskCount(database: $d) }",
    variables: { d: "neo4j" },
    operationName: null,
  }),
  "one of two operations": json({
    query: "query a { a: __typename } query b { b: __typename }",
    operationName: "b",
  }),
  "an unknown operation": json({ query: "query a { __typename }", operationName: "b" }),
  "a document that can't be parsed": json({ query: "{ __typename" }),
  "a document that is not valid": json({ query: "{ nothing }" }),
  "a document over a limit": json({ query: `{ ${"a: __typename ".repeat(2_000)} }` }),
  "variables over a limit": json({ query: "{ __typename }", variables: nested(200) }),
  "a variable of another type": json({
    query: "query ($d: String!) { taskCount(database: $d) }",
    variables: { d: 1 },
  }),
  "a rejected query": json({ query: `{ taskCount(database: "") }` }),
  "a query that fails partially": json({
    query: `{ a: taskCount(database: "") __typename databases(first: 1) { name } }`,
  }),
  "a rejected mutation": json({
    query: `mutation { updateTask(input: { database: "neo4j", username: "a", jobId: "none", updates: [] }) { __typename } }`,
  }),
  "a subscription": json({ query: `subscription { taskCount(database: "neo4j") }` }),
  "no query": json({ variables: {} }),
  "a query that is a number": json({ query: 1 }),
  "an operation name that is a number": json({ query: "{ __typename }", operationName: 1 }),
  "variables that are a list": json({ query: "{ __typename }", variables: [1] }),
  extensions: json({ query: "{ __typename }", extensions: { a: 1 } }),
  "an unknown parameter": json({ query: "{ __typename }", what: 1 }),
  "a list of operations": json([{ query: "{ __typename }" }]),
  "a string": json("{ __typename }"),
  null: "null",
  "invalid JSON": "{",
  nothing: "",
};

describe("A query or mutation by POST gets the same answer as from Yoga", () => {
  let server: TestServer;
  let connection: HttpConnection;

  beforeAll(async () => {
    server = await startServer();
    connection = new HttpConnection(server.url);
  });

  afterAll(async () => {
    connection[Symbol.dispose]();
    await server.close();
  });

  describe.each(ACCEPTED)("with Accept: %s", (plain, toYoga) => {
    it.each(Object.entries(BODIES))("%s", async (_, body) => {
      const [short, long] = [await post(plain, body), await post(toYoga, body)];
      expect(relevantParts(short)).toEqual(relevantParts(long));
    });
  });

  it("over one connection", async () => {
    await post("application/json", BODIES["a query"]!);
    expect(connection.socketCount).toBe(1);
  });

  function post(accept: string, body: string): Promise<HttpResponse> {
    const headers = { "content-type": "application/json", accept };
    return connection.request({ method: "POST", headers, body });
  }
});

describe("The fast path", () => {
  const plainPost = new JsonPostHandler(undefined as never, 1_000, new AnswerCompressor({ isOn: true }));
  const HEAD = {
    method: "POST",
    url: "/graphql",
    headers: { "content-type": "application/json", "content-length": "9" },
  };

  it.each(ACCEPTED)("accepts a POST with Accept: %s, and not %s", (plain, other) => {
    expect(isPlain({ headers: { accept: plain } })).toBe(true);
    expect(isPlain({ headers: { accept: other } })).toBe(false);
  });

  it.each([
    ["a GET", { method: "GET" }],
    ["another path", { url: "/graphql?query={__typename}" }],
    ["an event stream", { headers: { accept: "text/event-stream" } }],
    ["a form", { headers: { "content-type": "application/x-www-form-urlencoded" } }],
    ["another charset", { headers: { "content-type": "application/json; charset=latin1" } }],
    ["a compressed body", { headers: { "content-encoding": "gzip" } }],
    ["a body without a length", { headers: { "content-length": undefined } }],
    ["an empty body", { headers: { "content-length": "0" } }],
    ["a body over the limit", { headers: { "content-length": "1001" } }],
    ["a Last-Event-ID", { headers: { "last-event-id": "x" } }],
  ])("does not accept %s", (_, change) => {
    expect(isPlain(change)).toBe(false);
  });

  function isPlain({ headers, ...change }: Change): boolean {
    return plainPost.accepts({ ...HEAD, ...change, headers: { ...HEAD.headers, ...headers } } as never);
  }
});

interface Change {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

function relevantParts({ status, headers, body }: HttpResponse) {
  return { status, type: headers["content-type"], body: JSON.parse(body) as unknown };
}

function json(value: unknown): string {
  return JSON.stringify(value);
}

function nested(levels: number): object {
  return levels === 0 ? {} : { a: nested(levels - 1) };
}
