import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { graphqlResultOf, HttpConnection, type GraphqlResult } from "../kit/network/raw-http.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { WsClient } from "../kit/network/ws-client.js";

/** The result that a client of any transport must get: data, or the code and a part of the message of the one error. */
type Expected = { readonly data: object } | { readonly code: string; readonly message: RegExp };

interface Case {
  readonly name: string;
  /** Parameters of a request; anything that JSON can express. */
  readonly params: unknown;
  readonly expected: Expected;
}

const QUERY = "{ __typename }";
const DATA = { data: { __typename: "Query" } };
const TWO = "query a { a: __typename } query b { b: __typename }";
const COUNT = "query ($d: String!) { taskCount(database: $d) }";
const NONE = { data: { taskCount: 0 } };
const JOB = `query ($id: ID!) { task(database: "d", username: "u", jobId: $id) { jobId } }`;

const CASES: readonly Case[] = [
  accepted("a query", { query: QUERY }),
  accepted("null for all other parameters", {
    query: QUERY,
    operationName: null,
    variables: null,
    extensions: null,
  }),
  accepted("an empty operation name", { query: QUERY, operationName: "" }),
  accepted("the name of its operation", { query: TWO, operationName: "b" }, { data: { b: "Query" } }),
  accepted("a variable", { query: COUNT, variables: { d: "d" } }, NONE),
  accepted("variables that the document does not define", { query: QUERY, variables: { a: [1, null] } }),
  accepted("a variable named __proto__", { query: QUERY, variables: parsed(`{"__proto__": {"d": 1}}`) }),
  accepted("extensions", { query: QUERY, extensions: { a: { b: 1 } } }),
  accepted("a query and the hash of it", {
    query: QUERY,
    extensions: { persistedQuery: { version: 1, sha256Hash: "0" } },
  }),
  accepted("extensions nested deeply", { query: QUERY, extensions: { a: nestedList(1_000) } }),
  accepted("an unknown parameter", { query: QUERY, id: "x" }),
  accepted("an unknown parameter that is an object", { query: QUERY, doc_id: { a: 1 } }),
  accepted("parameters named like properties of every object", {
    ...(parsed(`{"__proto__": {"operationName": "b"}}`) as object),
    query: QUERY,
    constructor: "a",
    toString: 1,
  }),

  rejected("no parameter", {}, /has no query/),
  rejected("no query", { variables: {} }, /has no query/),
  rejected("a query that is null", { query: null }, /has no query/),
  rejected("an empty query", { query: "" }, /has no query/),
  rejected("a blank query", { query: " \n" }, /Syntax Error/),
  rejected("a query that is a number", { query: 1 }, /Invalid query: expected a string, not a number/),
  rejected("a query that is a list", { query: [QUERY] }, /Invalid query: expected a string, not a list/),
  rejected("a query that is an object", { query: { a: 1 } }, /Invalid query: .*, not an object/),
  rejected("a query in a prototype", parsed(`{"__proto__": {"query": "${QUERY}"}}`), /has no query/),
  rejected("several operations and no name", { query: TWO }, /several operations/),
  rejected("several operations and an empty name", { query: TWO, operationName: "" }, /several operations/),
  rejected("an unknown operation", { query: TWO, operationName: "c" }, /Unknown operation "c"/),
  rejected("a name of an operation with a space", { query: TWO, operationName: "a " }, /Unknown operation/),
  rejected(
    "an operation name that is a number",
    { query: QUERY, operationName: 1 },
    /operationName: .*number/,
  ),
  rejected(
    "an operation name that is false",
    { query: QUERY, operationName: false },
    /operationName: .*bool/,
  ),
  rejected(
    "an operation name that is a list",
    { query: QUERY, operationName: ["b"] },
    /operationName: .*list/,
  ),
  rejected(
    "an operation name that is an object",
    { query: QUERY, operationName: {} },
    /operationName: .*object/,
  ),
  rejected("variables that are a list", { query: QUERY, variables: [1] }, /Invalid variables: .* a list/),
  rejected(
    "variables that are a string",
    { query: QUERY, variables: "{}" },
    /Invalid variables: .* a string/,
  ),
  rejected("variables that are a number", { query: QUERY, variables: 0 }, /Invalid variables: .* a number/),
  rejected("variables that are false", { query: QUERY, variables: false }, /Invalid variables: .* a boolean/),
  rejected("extensions that are a list", { query: QUERY, extensions: [] }, /Invalid extensions: .* a list/),
  rejected(
    "extensions that are a string",
    { query: QUERY, extensions: "{}" },
    /Invalid extensions: .* a string/,
  ),
  rejected(
    "extensions that are a number",
    { query: QUERY, extensions: 1 },
    /Invalid extensions: .* a number/,
  ),
  rejected(
    "only the hash of a query",
    { extensions: { persistedQuery: { version: 1, sha256Hash: "0" } } },
    /Persisted queries are not supported/,
    "PERSISTED_QUERY_NOT_SUPPORTED",
  ),
  rejected("a batch", [{ query: QUERY }, { query: QUERY }], /Batched requests .* not supported/),
  rejected("an empty batch", [], /Batched requests .* not supported/),
  rejected("null", null, /expected a JSON object .*, not null/),
  rejected("a string", QUERY, /expected a JSON object .*, not a string/),
  rejected("a number", 5, /expected a JSON object .*, not a number/),
  rejected("true", true, /expected a JSON object .*, not a boolean/),
  rejected(
    "variables nested deeply",
    { query: QUERY, variables: { a: nestedList(1_000) } },
    /nest more than 128 levels/,
    "LIMIT_EXCEEDED",
  ),
  rejected(
    "an id as a number that JSON rounds",
    { query: JOB, variables: { id: 1234567890123456788 } }, // eslint-disable-line no-loss-of-precision -- the point
    /Send the id as a string/,
  ),
  rejected("a variable with half a surrogate pair", { query: COUNT, variables: { d: "\ud800" } }, /Unicode/),
];

/** A transport that sends parameters as they are, even if no client library would. */
interface RawTransport {
  readonly name: string;
  /** Whether it can express the parameters. */
  expresses(params: unknown): boolean;
  ask(url: string, params: unknown): Promise<RawAnswer>;
}

interface RawAnswer {
  readonly result: GraphqlResult;
  /** undefined over a WebSocket. */
  readonly status?: number;
}

const TRANSPORTS: readonly RawTransport[] = [
  {
    name: "HTTP POST",
    expresses: () => true,
    ask: (url, params) => askByPost(url, params, "application/json"),
  },
  {
    name: "server-sent events",
    expresses: () => true,
    ask: (url, params) => askByPost(url, params, "text/event-stream"),
  },
  { name: "HTTP GET", expresses: isInUrl, ask: askByGet },
  { name: "WebSocket", expresses: () => true, ask: askBySocket },
];

describe("The parameters of a request", () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer();
  });

  afterAll(() => server.close());

  describe.each(TRANSPORTS)("over $name", ({ expresses, ask }) => {
    it.each(CASES.filter(({ params }) => expresses(params)))(
      "have the same result as on the other transports: $name",
      async (row) => {
        const { result } = await ask(server.url, row.params);

        expect(shown(result)).toEqual(wanted(row.expected));
      },
    );
  });

  it.each(TRANSPORTS.slice(0, 3))("have status 400 over $name if they can't be read", async ({ ask }) => {
    const answers = [{}, { query: QUERY, variables: 1 }].map((params) => ask(server.url, params));

    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([400, 400]);
  });

  it.each([
    ["two queries", `query=${QUERY}&query=${QUERY}`, /several values for query/],
    ["two equal variables", `query=${QUERY}&variables={}&variables={}`, /several values for variables/],
    ["a name that is encoded differently", `query=${QUERY}&%71uery=${QUERY}`, /several values for query/],
    ["variables that are not JSON", `query=${QUERY}&variables={nope`, /variables .* not valid JSON/],
    ["extensions that are not JSON", `query=${QUERY}&extensions=nope`, /extensions .* not valid JSON/],
    ["a list of queries", `query[]=${QUERY}`, /has no query/],
  ])("are rejected in a URL with %s", async (_, search, message) => {
    using connection = new HttpConnection(server.url);

    const answer = await connection.request({ path: `/graphql?${encodeSpaces(search)}` });

    expect(answer.status).toBe(400);
    expect(shown(graphqlResultOf(answer))).toEqual({
      code: "BAD_USER_INPUT",
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ["two unknown parameters of one name", `query=${QUERY}&a=1&a=2`],
    ["an unknown parameter with an invalid encoding", `query=${QUERY}&a=%E9&%E9=1`],
    ["empty values", `query=${QUERY}&variables=&operationName=&extensions=`],
    ["nothing between separators", `&&query=${QUERY}&`],
    ["a byte order mark before the variables", `query=${QUERY}&variables=%EF%BB%BF{}`],
  ])("are accepted in a URL with %s", async (_, search) => {
    using connection = new HttpConnection(server.url);

    const answer = await connection.request({ path: `/graphql?${encodeSpaces(search)}` });

    expect(graphqlResultOf(answer)).toEqual(DATA);
  });

  it("of a POST are in its body, and not in its URL", async () => {
    using connection = new HttpConnection(server.url);
    const headers = { "content-type": "application/json" };

    const answer = await connection.request({
      method: "POST",
      path: encodeSpaces(`/graphql?query=${TWO}&operationName=b`),
      headers,
      body: JSON.stringify({ query: TWO, operationName: "a" }),
    });

    expect(graphqlResultOf(answer)).toEqual({ data: { a: "Query" } });
  });
});

describe("An operation with invalid parameters on a WebSocket", () => {
  it("does not affect the other operations of its socket", async () => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);
    const counts = client.subscribe({ query: `subscription { taskCount(database: "d") }` });
    await counts.next();

    const answer = await client.ask([] as never);
    const after = await client.ask({ query: QUERY });

    expect(answer.errors?.[0]?.extensions).toEqual({ code: "BAD_USER_INPUT" });
    expect(after).toEqual(DATA);
  });
});

function accepted(name: string, params: unknown, expected: Expected = DATA): Case {
  return { name, params, expected };
}

function rejected(name: string, params: unknown, message: RegExp, code = "BAD_USER_INPUT"): Case {
  return { name, params, expected: { code, message } };
}

function wanted(expected: Expected): object {
  if ("data" in expected) return expected;
  return { code: expected.code, message: expect.stringMatching(expected.message) as string };
}

function shown({ data, errors }: GraphqlResult): object {
  return errors ? { code: errors[0]?.extensions?.["code"], message: errors[0]?.message } : { data };
}

async function askByPost(url: string, params: unknown, accept: string): Promise<RawAnswer> {
  using connection = new HttpConnection(url);
  const headers = { "content-type": "application/json", accept };
  const body = JSON.stringify(params);
  const { status, body: answer } = await connection.request({ method: "POST", headers, body });
  const data = /^data: (.+)$/m.exec(answer)?.[1]; // of the first event; JSON has no lines
  return { status, result: JSON.parse(data ?? answer) as GraphqlResult };
}

async function askByGet(url: string, params: unknown): Promise<RawAnswer> {
  using connection = new HttpConnection(url);
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params as object)) search.set(name, textInUrl(name, value));
  const answer = await connection.request({ path: `/graphql?${search}` });
  return { status: answer.status, result: graphqlResultOf(answer) };
}

async function askBySocket(url: string, params: unknown): Promise<RawAnswer> {
  using client = await WsClient.connect(url);
  return { result: await client.ask(params as never) };
}

/** A URL has texts; variables and extensions are JSON in them. */
function textInUrl(name: string, value: unknown): string {
  return typeof value === "string" && !isJsonInUrl(name) ? value : JSON.stringify(value);
}

function isJsonInUrl(name: string): boolean {
  return name === "variables" || name === "extensions";
}

function isInUrl(params: unknown): boolean {
  if (typeof params !== "object" || params === null || Array.isArray(params)) return false;
  return Object.entries(params).every(
    ([name, value]) =>
      isJsonInUrl(name) || typeof value === "string" || !["query", "operationName"].includes(name),
  );
}

function encodeSpaces(text: string): string {
  return text.replaceAll(" ", "%20");
}

function parsed(text: string): unknown {
  return JSON.parse(text) as unknown;
}

function nestedList(levels: number): unknown {
  return JSON.parse("[".repeat(levels) + "]".repeat(levels)) as unknown;
}
