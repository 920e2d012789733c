import { GraphQLError, GraphQLInt, getIntrospectionQuery } from "graphql";
import { describe, expect, it } from "vitest";
import { startExtendedServer } from "../kit/server/extended-schema-server.js";
import { HttpConnection } from "../kit/network/raw-http.js";
import { startServer } from "../kit/server/server.js";
import { store } from "./jobs.js";
import { CHANGING_TRANSPORTS, OVER_SSE, OVER_WEBSOCKET, API_TRANSPORTS } from "./transports.js";

/** Unexpected errors never reveal internals to clients. */
const SECRET = /secret|hunter2|\/srv|\n {4}at |stack/;

const FAILURES: readonly (readonly [string, () => unknown])[] = [
  ["an error with a path in it", () => raise(new Error("ENOENT: /srv/secret/hunter2"))],
  ["a TypeError", () => raise(new TypeError("secret is not a function"))],
  ["a string", () => raise("secret")],
  ["nothing", () => raise(undefined)],
  ["null", () => raise(null)],
  ["an object without a prototype", () => raise(Object.create(null))],
  ["an object whose toString throws", () => raise({ toString: () => raise(new Error("secret")), secret: 1 })],
  ["an error whose message throws", () => raise(unreadable())],
  ["an error that is its own cause", () => raise(circular())],
  [
    "an error wrapped in a GraphQL error",
    () => raise(new GraphQLError("secret", { originalError: new Error("secret") })),
  ],
  ["a promise in a synchronous field", () => Promise.reject(new Error("secret"))],
  ["a value of another type", () => "secret"],
];

describe("An unexpected error in a resolver", () => {
  const CASES = FAILURES.flatMap(([what, resolve]) =>
    API_TRANSPORTS.map((transport) => ({ what, resolve, transport })),
  );

  it.each(CASES)(
    "is masked by an id over $transport.name, and others are served: $what",
    async ({ resolve, transport }) => {
      await using server = await startExtendedServer({ query: { fails: { type: GraphQLInt, resolve } } });
      using client = await transport.connect(server.url);

      const answer = await client.ask({ query: "{ fails }" });
      const after = await client.ask({ query: "{ __typename }" });

      expect(answer.errors).toHaveLength(1);
      expect(JSON.stringify(answer)).not.toMatch(SECRET);
      expect(after).toEqual({ data: { __typename: "Query" } });
    },
  );

  it.each(CHANGING_TRANSPORTS)(
    "is masked in a mutation over $name by an id, which the log has too",
    async ({ connect }) => {
      const fails = { type: GraphQLInt, resolve: () => Promise.reject(new Error("secret")) };
      await using server = await startExtendedServer({ mutation: { fails } });
      using client = await connect(server.url);

      const { errors } = await client.ask({ query: "mutation { fails }" });

      const ids = { errorId: expect.any(String) as unknown, requestId: expect.any(String) as unknown };
      expect(errors?.[0]?.extensions).toEqual({ code: "INTERNAL", ...ids });
      expect(JSON.stringify(errors)).not.toMatch(SECRET);
      expect(server.log.lines).toContainEqual(
        expect.objectContaining({
          fields: expect.objectContaining({
            errorId: errors?.[0]?.extensions?.["errorId"],
            requestId: errors?.[0]?.extensions?.["requestId"],
            err: expect.objectContaining({ message: "secret" }),
          }),
        }),
      );
    },
  );

  it.each([OVER_SSE, OVER_WEBSOCKET])(
    "is masked when a subscription starts over $name, and others continue",
    async ({ watch }) => {
      const fails = { type: GraphQLInt, subscribe: () => raise(new Error("secret")) };
      await using server = await startExtendedServer({ subscription: { fails } });
      using other = await watch(server.url, { query: `subscription { taskCount(database: "d") }` });
      await other.next();

      using failing = await watch(server.url, { query: "subscription { fails }" });
      const { errors } = await failing.next();
      await store(server.url);

      expect(errors?.[0]?.extensions?.["code"]).toBe("INTERNAL");
      expect(JSON.stringify(errors)).not.toMatch(SECRET);
      expect(await other.next()).toEqual({ data: { taskCount: 1 } });
    },
  );
});

describe("--introspection off", () => {
  it.each(API_TRANSPORTS)("rejects introspection over $name, and answers all else", async ({ connect }) => {
    await using server = await startServer({ introspection: "off" });
    using client = await connect(server.url);

    const rejected = await client.ask({ query: getIntrospectionQuery() });
    const oneType = await client.ask({ query: `{ __type(name: "Query") { name } }` });
    const allowed = await client.ask({ query: "{ __typename }" });

    expect([rejected, oneType].map(({ errors }) => errors?.[0]?.extensions?.["code"])).toEqual([
      "BAD_USER_INPUT",
      "BAD_USER_INPUT",
    ]);
    expect([rejected.data, oneType.data]).toEqual([undefined, undefined]);
    expect(allowed).toEqual({ data: { __typename: "Query" } });
  });

  it.each(API_TRANSPORTS)("does not suggest names over $name", async ({ connect }) => {
    await using open = await startServer();
    await using closed = await startServer({ introspection: "off" });
    const guesses = [
      { query: "{ taskCoun }" },
      { query: `{ taskCount(databas: "d", database: "d") }` },
      { query: "{ ... on Databas { name } }" },
      { query: `{ taskCount(database: "d", status: [RUNING]) }` },
      {
        query: `query ($status: [TaskStatus!]) { taskCount(database: "d", status: $status) }`,
        variables: { status: ["RUNING"] },
      },
    ];
    using ofOpen = await connect(open.url);
    using ofClosed = await connect(closed.url);

    const suggesting = [];
    const silent = [];
    for (const guess of guesses) {
      suggesting.push(JSON.stringify(await ofOpen.ask(guess)));
      silent.push(JSON.stringify(await ofClosed.ask(guess)));
    }

    expect(suggesting.filter((answer) => answer.includes("Did you mean"))).toHaveLength(5);
    expect(silent.filter((answer) => answer.includes("Did you mean"))).toEqual([]);
    expect(silent.filter((answer) => answer.includes("errors"))).toHaveLength(5);
  });
});

describe("--graphiql off", () => {
  it("serves no page, and answers all else", async () => {
    await using server = await startServer({ graphiql: "off", dashboard: "off" });
    using connection = new HttpConnection(server.url);
    const headers = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

    const page = await connection.request({ headers });
    const root = await connection.request({ path: "/", headers });
    const query = await connection.post({ query: "{ __typename }" });

    expect([page.status, root.status, query.status]).toEqual([404, 404, 200]);
    expect(page.body + root.body).not.toContain("<html");
  });
});

function raise(error: unknown): never {
  throw error;
}

function unreadable(): Error {
  return Object.defineProperty(new Error("secret"), "message", { get: () => raise(new Error("secret")) });
}

function circular(): Error {
  const error = new Error("secret");
  error.cause = error;
  return error;
}
