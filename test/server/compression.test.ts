import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { getIntrospectionQuery } from "graphql";
import { describe, expect, it } from "vitest";
import { graphqlPath, graphqlPost, HttpConnection, type HttpRequest } from "../kit/network/raw-http.js";
import { ssePost } from "../kit/network/sse-client.js";
import { startServer } from "../kit/server/server.js";
import { store, updateTask } from "./jobs.js";

const LONG = { query: "{ __schema { types { name fields { name } } } }" };
const VERY_LONG = { query: getIntrospectionQuery() };
const INVALID = {
  query: `{ ${Array.from({ length: 20 }, (_, index) => `unknownFieldNumber${index}`).join(" ")} }`,
};

const LONG_ANSWERS: readonly (readonly [string, HttpRequest])[] = [
  ["a query by POST", graphqlPost(LONG)],
  ["a query of 64 KiB by POST", graphqlPost(VERY_LONG)],
  ["a query by GET", { path: graphqlPath(LONG), headers: { accept: "application/json" } }],
  ["a query that Yoga handles", graphqlPost(LONG, { accept: "application/json;q=0.9" })],
  ["a GraphQL response", graphqlPost(LONG, { accept: "application/graphql-response+json" })],
  [
    "a GraphQL response by GET",
    { path: graphqlPath(LONG), headers: { accept: "application/graphql-response+json" } },
  ],
  ["many errors", graphqlPost(INVALID)],
];

const DECODERS = [
  ["gzip", gunzipSync],
  ["br", brotliDecompressSync],
] as const;

const CASES = LONG_ANSWERS.flatMap(([what, request]) =>
  DECODERS.map(([coding, decode]) => ({ what, request, coding, decode })),
);

describe("A long answer", () => {
  it.each(CASES)(
    "is compressed for a client that accepts it, with the same status and content: $what, $coding",
    async ({ request, coding, decode }) => {
      await using server = await startServer();
      using connection = new HttpConnection(server.url);

      const plain = await connection.request(request);
      const coded = await connection.open(accepting(coding, request));
      const bytes = Buffer.concat(await coded.toArray());

      expect(decode(bytes).toString()).toBe(plain.body);
      expect(coded.headers).toMatchObject({
        "content-encoding": coding,
        "content-length": String(bytes.length),
        "content-type": plain.headers["content-type"],
        "x-content-type-options": "nosniff",
      });
      expect(coded.statusCode).toBe(plain.status);
      expect(bytes.length).toBeLessThan(plain.body.length / 2);
      expect([coded.headers.vary, plain.headers.vary]).toEqual(["Accept-Encoding", "Accept-Encoding"]);
      expect(plain.headers).not.toHaveProperty("content-encoding");
    },
  );

  it("is compressed for scrapers too, also for HEAD", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const metrics = await connection.open(accepting("gzip", { path: "/metrics" }));
    const text = gunzipSync(Buffer.concat(await metrics.toArray())).toString();
    const head = await connection.request(accepting("gzip", { path: "/metrics", method: "HEAD" }));

    expect(text).toContain("tidemark_connections 1\n");
    expect([head.status, head.body]).toEqual([200, ""]);
    expect(head.headers).toMatchObject({ "content-encoding": "gzip", vary: "Accept-Encoding" });
  });

  it("varies with the origin as well, if there are allowed origins", async () => {
    await using server = await startServer({ allowOrigin: "https://friend.example" });
    using connection = new HttpConnection(server.url);

    const fast = await connection.request(accepting("gzip", graphqlPost(LONG)));
    const slow = await connection.request(accepting("gzip", LONG_ANSWERS[3]![1]));

    expect([fast.headers.vary, slow.headers.vary]).toEqual([
      "Origin, Accept-Encoding",
      "Origin, Accept-Encoding",
    ]);
  });

  it("stays as it is with --compression off", async () => {
    await using server = await startServer({ compression: "off" });
    using connection = new HttpConnection(server.url);

    const answers = [
      await connection.request(accepting("gzip", graphqlPost(LONG))),
      await connection.request(accepting("gzip", { path: "/metrics" })),
    ];

    expect(answers.map(({ headers }) => [headers["content-encoding"], headers.vary])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });

  it("is understood by fetch, which decompresses it", async () => {
    await using server = await startServer();

    const response = await fetch(`${server.url}/graphql`, graphqlPost(LONG) as RequestInit);

    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(await response.json()).toMatchObject({ data: { __schema: { types: expect.any(Array) } } });
  });
});

describe("A short answer", () => {
  it.each<[string, HttpRequest]>([
    [
      "an update",
      graphqlPost(updateTask({ database: "d", username: "u", jobId: "j", updates: [{ add: 1 }] })),
    ],
    ["a query by GET", { path: graphqlPath({ query: "{ __typename }" }) }],
    ["an error", graphqlPost({ query: "{ nope }" })],
    ["the health", { path: "/health" }],
    ["the features", { path: "/about" }],
    ["an unknown path", { path: "/nope" }],
  ])("stays as it is: %s", async (_, request) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);
    await store(server.url);

    const plain = await connection.request(request);
    const coded = await connection.request(accepting("gzip, br", request));

    expect(Object.keys(coded.headers)).toEqual(Object.keys(plain.headers));
    expect([coded.headers["content-encoding"], coded.headers.vary]).toEqual([undefined, undefined]);
  });
});

describe("An event stream", () => {
  it("is never compressed, because a proxy or a client would delay its events", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);
    const query = `subscription { taskEvents(database: "d") { position } }`;

    const { headers } = await connection.open(accepting("gzip, br", ssePost({ query })));

    expect(headers["content-type"]).toBe("text/event-stream");
    expect(headers).not.toHaveProperty("content-encoding");
  });
});

function accepting(coding: string, request: HttpRequest): HttpRequest {
  return { ...request, headers: { ...request.headers, "accept-encoding": coding } };
}
