import { describe, expect, it } from "vitest";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { HttpConnection, RawConnection } from "../kit/network/raw-http.js";
import { upgrade } from "../kit/network/ws-client.js";
import { RecordingLog } from "../kit/server/recording-log.js";
import { startServer, type TestServer } from "../kit/server/server.js";

const STRANGER = "https://stranger.example";
const HOUR_MS = 3_600_000;

async function get(server: TestServer, headers: Readonly<Record<string, string>>, path = "/graphql") {
  using connection = new HttpConnection(server.url);
  return await connection.request({ path: `${path}?query=%7B__typename%7D`, headers });
}

describe("A rejected page or host name", () => {
  it("is logged once with the setting that allows it", async () => {
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

  it("is logged again after an hour", async () => {
    const log = new RecordingLog();
    const clock = new ManualClock(Date.now());
    await using server = await startServer({}, { log, clock });

    await get(server, { origin: STRANGER });
    clock.advance(HOUR_MS);
    await get(server, { origin: STRANGER });

    expect(log.lines).toHaveLength(2);
  });

  it("cannot fill the log with invented origins, however long", async () => {
    const log = new RecordingLog();
    await using server = await startServer({}, { log });

    for (let index = 0; index < 80; index++)
      await get(server, { origin: `https://${index}.${"x".repeat(2_000)}.example` });

    expect(log.lines).toHaveLength(50);
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

function rejected(fields: object, end: string) {
  return {
    level: "warn",
    fields,
    message: expect.stringMatching(new RegExp(`^rejected a request .*${escaped(end)}$`)),
  };
}

function escaped(text: string): string {
  return text.replaceAll(/[.:/-]/g, String.raw`\$&`);
}
