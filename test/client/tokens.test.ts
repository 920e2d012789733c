import { EventEmitter, once } from "node:events";
import { describe, expect, it } from "vitest";
import { connect, leaf, task, type TidemarkError } from "../../src/client/index.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { ALICE, BOB, DATABASE, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { freePort } from "../kit/process/free-port.js";
import { startServer } from "../kit/server/server.js";
import { Tokens } from "../kit/server/tokens.js";
import { watchEventsUntil, kindsOf, SDK_TRANSPORTS, watchWithoutDelays } from "./watch/test-watches.js";

const NOW = 1_700_000_000_000;

describe.each(SDK_TRANSPORTS)("A watch of a server with authentication (%s)", (transport) => {
  it("reconnects with a new token when its own has expired, and misses nothing", async () => {
    const clock = new ManualClock(NOW);
    const tokens = new Tokens({ clock });
    const given = [await tokens.grant("alice", { lifeMs: 10_000 }), await tokens.grant("alice")];
    await using server = await startServer({ auth: tokens.auth }, { clock });
    const store = await server.provider.getTaskStore(DATABASE);
    for (const key of [ALICE, BOB]) await store.store(storeRequestOf(key));
    const token = (): string => given.shift()!;
    await using watched = watchWithoutDelays({ url: server.url, database: DATABASE, token, transport });
    await watchEventsUntil(watched, "CaughtUp");

    clock.advance(10_000);
    await store.update(BOB, reportOf({ done: 1 }));
    await store.update(ALICE, reportOf({ done: 1 }));

    expect(kindsOf(await watchEventsUntil(watched, "CaughtUp"))).toEqual(["TaskUpdated", "CaughtUp"]);
    expect([...watched.jobs.values()]).toMatchObject([{ username: "alice", version: 2 }]);
  });

  it("ends when its only token is revoked", async () => {
    const clock = new ManualClock(NOW);
    const tokens = new Tokens({ clock });
    const token = await tokens.grant("alice");
    await using server = await startServer({ auth: tokens.auth }, { clock });
    await using watched = watchWithoutDelays({ url: server.url, database: DATABASE, token, transport });
    await watchEventsUntil(watched, "CaughtUp");

    await tokens.revoke("alice");
    clock.advance(500);

    await expect(watchEventsUntil(watched, "Reset")).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });

  it("ignores whitespace around a token, as of a file", async () => {
    const tokens = new Tokens();
    const token = `${await tokens.grant("alice")}\n`;
    await using server = await startServer({ auth: tokens.auth });
    await using watched = watchWithoutDelays({ url: server.url, database: DATABASE, token, transport });

    expect(kindsOf(await watchEventsUntil(watched, "CaughtUp"))).toContain("CaughtUp");
  });
});

describe("A worker of a server with authentication", () => {
  it("reports as the user of its token", async () => {
    const tokens = new Tokens();
    const token = await tokens.grant("alice");
    await using server = await startServer({ auth: tokens.auth });

    const tidemark = connect({ url: server.url, token, database: DATABASE });
    await tidemark.job({ jobId: "job" }, task("Import", leaf("read", { volume: 1 }))).run(async (root) => {
      await root.run("read", (read) => read.advance(1));
    });

    const store = await server.provider.getTaskStore(DATABASE);
    expect(store.get(ALICE)?.task.status).toBe("FINISHED");
  });

  it("leaves out the line break in its token, which no header can contain", async () => {
    const tokens = new Tokens();
    const token = await tokens.grant("alice");
    await using server = await startServer({ auth: tokens.auth });
    const divided = `${token.slice(0, 9)}\n${token.slice(9)}\n`;

    const tidemark = connect({ url: server.url, token: divided, database: DATABASE });
    await tidemark.job({ jobId: "job" }, leaf("read")).run(() => {});

    const store = await server.provider.getTaskStore(DATABASE);
    expect(store.get(ALICE)?.task.description).toBe("read");
  });

  it("calls onError again for a missing token after the server was unreachable", async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const tokens = new Tokens();
    await tokens.grant("alice");
    const errors = new EventEmitter();
    const onError = (error: TidemarkError): void => void errors.emit(error.code, error.message);
    connect({ url, onError }).job({}, leaf("read")).announce();

    await once(errors, "UNAVAILABLE");
    await using server = await startServer({ port, auth: tokens.auth });
    const [message] = await once(errors, "UNAUTHENTICATED");

    expect([server.url, message]).toEqual([url, expect.stringContaining("This server requires a token.")]);
  });

  it("continues its work when its token lacks the permission", async () => {
    const tokens = new Tokens();
    const token = await tokens.grant("alice", { role: "viewer" });
    await using server = await startServer({ auth: tokens.auth });
    const errors: string[] = [];

    const tidemark = connect({
      url: server.url,
      token,
      database: DATABASE,
      onError: ({ code }) => errors.push(code),
    });
    const result = await tidemark.job({ jobId: "job" }, task("Import", leaf("read"))).run(async () => 42);

    expect(result).toBe(42);
    expect(errors).toEqual(["FORBIDDEN"]);
  });
});
