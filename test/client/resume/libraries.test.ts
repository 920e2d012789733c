import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { Client, fetchExchange, gql, subscriptionExchange } from "@urql/core";
import { describe, expect, it } from "vitest";
import { resumable } from "../../../src/client/index.js";
import { ApolloClient, InMemoryCache, gql as apolloGql } from "@apollo/client";
import { startServer } from "../../kit/server/server.js";
import { overWebSocket } from "./resumed-clients.js";

const EVENTS = `subscription ($after: Position) {
  taskEvents(database: "d", after: $after) { __typename position }
}`;

/** docs/graphql-clients.md has whole programs. These tests are compiled, too. */
describe("A resumable client of graphql-ws", () => {
  it("fits the types of Apollo's link, and delivers through it", async () => {
    await using server = await startServer();
    const socket = resumable(overWebSocket(server.url));
    const client = new ApolloClient({ link: new GraphQLWsLink(socket), cache: new InMemoryCache() });

    const first = await new Promise<unknown>((resolve) => {
      client.subscribe({ query: apolloGql(EVENTS) }).subscribe(({ data }) => resolve(data));
    });
    await socket.dispose();

    expect(first).toMatchObject({ taskEvents: { __typename: "Reset" } });
  });

  it("fits the types of urql's exchange, and delivers through it", async () => {
    await using server = await startServer();
    const socket = resumable(overWebSocket(server.url));
    const subscriptions = subscriptionExchange({
      forwardSubscription: ({ query = "", variables = {} }) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
      }),
    });
    const client = new Client({ url: `${server.url}/graphql`, exchanges: [fetchExchange, subscriptions] });

    const first = await new Promise<unknown>((resolve) => {
      client.subscription(gql(EVENTS), {}).subscribe(({ data }) => resolve(data));
    });
    await socket.dispose();

    expect(first).toMatchObject({ taskEvents: { __typename: "Reset" } });
  });
});
