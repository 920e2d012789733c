import { describe, expect, it } from "vitest";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { HttpConnection, RawConnection } from "../kit/network/raw-http.js";
import { upgrade } from "../kit/network/ws-client.js";
import { RecordingLog } from "../kit/server/recording-log.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { Tokens } from "../kit/server/tokens.js";

const STRANGER = "https://stranger.example";
const MINUTE_MS = 60_000;

async function get(server: TestServer, headers: Readonly<Record<string, string>>, path = "/graphql") {
  using connection = new HttpConnection(server.url);
  return await connection.request({ path: `${path}?query=%7B__typename%7D`, headers });
}

describe("A rejected page or host name", () => {
  it("is logged at once with the client, the id of the request, and the setting that allows it", async () => {
    const log = new RecordingLog();
    await using server = await startServer({}, { log });

    await get(server, { origin: STRANGER });
    await get(server, { origin: STRANGER });
    await get(server, { origin: "null" });
    await get(server, { host: "tidemark.internal:4000" }, "/");

    expect(log.lines).toEqual([
      rejected(
        { origin: STRANGER },
        `another site. If you trust its pages, allow them: --allow-origin ${STRANGER}`,
      ),
      rejected({ origin: "null" }, "another site. If you trust its pages, allow them: --allow-origin null"),
      rejected({ host: "tidemark.internal:4000" }, "allow it: --allow-host tidemark.internal"),
    ]);
  });

  it("is logged for a WebSocket, the demo, and a request without an origin", async () => {
    const log = new RecordingLog();
    await using server = await startServer({}, { log });
    using connection = new HttpConnection(server.url);

    using socket = await RawConnection.open(server.url);
    socket.write(upgrade({ Origin: "https://socket.example" }));
    await socket.until((received) => received.includes("\r\n\r\n"));
    await connection.request({
      method: "POST",
      path: "/demo",
      headers: { origin: "https://demo.example" },
      body: "{}",
    });
    await get(server, { "sec-fetch-site": "cross-site" });

    expect(log.lines).toEqual([
      rejected({ origin: "https://socket.example" }, "--allow-origin https://socket.example"),
      rejected({ origin: "https://demo.example" }, "--allow-origin https://demo.example"),
      rejected({ origin: undefined }, "so no setting allows it."),
    ]);
  });

  it("cannot fill the log with invented origins, however long", async () => {
    const log = new RecordingLog();
    const clock = new ManualClock(Date.now());
    await using server = await startServer({}, { log, clock });

    for (let index = 0; index < 80; index++)
      await get(server, { origin: `https://${index}.${"x".repeat(2_000)}.example` });
    clock.advance(MINUTE_MS);

    expect(log.lines).toHaveLength(21);
    expect(log.lines.at(-1)).toMatchObject({ level: "warn", fields: { rejections: 60 } });
    expect(Math.max(...log.lines.map(({ message }) => message.length))).toBeLessThan(500);
  });

  it("is not logged if the page may use the server", async () => {
    const log = new RecordingLog();
    await using server = await startServer({ allowOrigin: STRANGER }, { log });

    await get(server, { origin: STRANGER });
    await get(server, { origin: server.url });

    expect(log.lines).toEqual([]);
  });
});

describe("Repeated rejections", () => {
  it("are one line, and then one a minute with their number", async () => {
    const [tokens, log, clock] = [new Tokens(), new RecordingLog(), new ManualClock(Date.now())];
    await tokens.grant("alice");
    await using server = await startServer({ auth: tokens.auth }, { log, clock });

    await sendUnknownToken(server, 30);
    const first = log.lines.slice();
    clock.advance(MINUTE_MS);
    await sendUnknownToken(server, 5);
    clock.advance(MINUTE_MS);
    clock.advance(MINUTE_MS);
    clock.advance(MINUTE_MS);
    await sendUnknownToken(server, 1);

    const token = { reason: "the token is unknown or was revoked", id: undefined, address: "127.0.0.1" };
    const line = {
      level: "info",
      fields: { ...token, requestId: expect.any(String) },
      message: "rejected a token",
    };
    const count = (repeated: number) => ({
      level: "info",
      fields: { ...token, repeated },
      message: "rejected a token (repeated)",
    });
    expect(first).toEqual([line]);
    expect(log.lines.slice(1)).toEqual([count(29), count(5), line]);
  });

  it("are counted for each client behind a trusted proxy", async () => {
    const [tokens, log] = [new Tokens(), new RecordingLog()];
    await tokens.grant("alice");
    const server = await startServer({ auth: tokens.auth, trustProxy: "on" }, { log });

    await sendUnknownToken(server, 2, { "x-forwarded-for": "192.0.2.1" });
    await sendUnknownToken(server, 3, { "x-forwarded-for": "2001:db8::7" });
    await server.close();

    expect(log.lines).toMatchObject([
      { fields: { address: "192.0.2.1", requestId: expect.any(String) } },
      { fields: { address: "2001:db8:0:0::/64", requestId: expect.any(String) } },
      { fields: { address: "192.0.2.1", repeated: 1 } },
      { fields: { address: "2001:db8:0:0::/64", repeated: 2 } },
    ]);
  });

  it("name the limit of a client that sends too much", async () => {
    const log = new RecordingLog();
    const server = await startServer(
      { operationsPerSecondMax: 1 },
      { log, clock: new ManualClock(Date.now()) },
    );

    for (let count = 0; count < 5; count++) await get(server, {});
    await server.close();

    const limited = { limit: "operationsPerSecondMax", address: "127.0.0.1" };
    const message = "rejected a request above operationsPerSecondMax";
    expect(log.lines).toEqual([
      { level: "warn", fields: { ...limited, requestId: expect.any(String) }, message },
      { level: "warn", fields: { ...limited, repeated: 3 }, message: `${message} (repeated)` },
    ]);
  });
});

async function sendUnknownToken(
  server: TestServer,
  times: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  for (let count = 0; count < times; count++)
    await get(server, { authorization: "Bearer unknown", ...headers });
}

function rejected(fields: object, end: string) {
  return {
    level: "warn",
    fields: { ...fields, address: "127.0.0.1", requestId: expect.any(String) },
    message: expect.stringMatching(new RegExp(`^rejected a request .*${escaped(end)}$`)),
  };
}

function escaped(text: string): string {
  return text.replaceAll(/[.:/-]/g, String.raw`\$&`);
}
