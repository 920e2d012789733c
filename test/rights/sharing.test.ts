import { describe, expect, it } from "vitest";
import { readMetric } from "../kit/network/raw-http.js";
import { ALICE, BOB, DATABASE, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { startServer } from "../kit/server/server.js";
import { Tokens } from "../kit/server/tokens.js";
import { WsClient, type Operation } from "../kit/network/ws-client.js";
import { disposeAll } from "../server/transports.js";
import { bearer } from "./entry-points.js";

const EVENTS = {
  query: `subscription { taskEvents(database: "neo4j") { kind: __typename ... on TaskUpdated { userTask { username } } } }`,
};

describe("Subscribers with the same view", () => {
  it("cost one execution per event", async () => {
    const tokens = new Tokens();
    const admins = await grantMany(tokens, 20, "admin");
    const viewers = await Promise.all(
      Array.from({ length: 20 }, () => tokens.grant("alice", { role: "viewer" })),
    );
    const others = await grantMany(tokens, 5, "viewer");
    await using server = await startServer({ auth: tokens.auth });
    const store = await server.provider.getTaskStore(DATABASE);
    for (const key of [ALICE, BOB]) await store.store(storeRequestOf(key));
    using clients = disposeAll(
      await Promise.all(
        [...admins, ...viewers, ...others].map((token) => WsClient.connect(server.url, { token })),
      ),
    );
    const subscribers = clients.members.map((client) => client.subscribe(EVENTS));
    const counted = (name: string) => readMetric(server.url, `tidemark_${name}_total`, bearer(admins[0]));
    await Promise.all([
      takeFrom(subscribers.slice(0, 20), 4),
      takeFrom(subscribers.slice(20, 40), 3),
      takeFrom(subscribers.slice(40), 2),
    ]);
    const executedBefore = await counted("events_executed");

    await store.update(BOB, reportOf({ done: 1 }));
    await store.update(ALICE, reportOf({ done: 1 }));
    await takeFrom(subscribers.slice(0, 20), 2);
    const toViewers = await Promise.all(subscribers.slice(20, 40).map((subscriber) => subscriber.next()));

    expect(new Set(toViewers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(toViewers[0]).toMatchObject({ data: { taskEvents: { userTask: { username: "alice" } } } });
    expect((await counted("events_executed")) - executedBefore).toBe(3); // Bob's and Alice's to the admins, Alice's to her
  });
});

function grantMany(tokens: Tokens, count: number, role: "admin" | "viewer"): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, (_, at) => tokens.grant(`${role}${at}`, { role })));
}

async function takeFrom(subscribers: readonly Operation[], count: number): Promise<void> {
  await Promise.all(subscribers.map((subscriber) => subscriber.take(count)));
}
