import { describe, expect, it } from "vitest";
import { ask, metricReaches, RawConnection } from "../kit/network/raw-http.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { WsClient } from "../kit/network/ws-client.js";
import { store, storeTask } from "./jobs.js";

/** Law 16: clients that request large answers and do not read them. */

const LARGE = { query: `{ ${["a", "b", "c", "d", "e"].map(treeOf).join(" ")} }` };
const SMALL = { query: `{ tasks(database: "d") { nodes { jobId } } }` };
/** The buffers of the system take some megabytes of each answer. */
const CLIENTS = 3;
const BOUND = { waitingAnswerBytesMax: "1000000" };

describe("The answers that clients do not read", { timeout: 60_000 }, () => {
  it.concurrent.each([
    ["HTTP", unreadByHttp],
    ["WebSocket", unreadByWebSocket],
  ])(
    "make other large answers wait and fail, but not small ones and no reports, over %s",
    async (_, openUnread) => {
      await using server = await serverWithLargeJob(BOUND);
      using unread = await openUnread(server.url);
      await untilFull(server.url);

      const large = await ask(server.url, LARGE);
      const small = await ask(server.url, SMALL);
      const stored = await ask(server.url, storeTask({ jobId: "other" }));

      expect(large.errors?.[0]?.extensions).toEqual({
        code: "LIMIT_EXCEEDED",
        limit: "waitingAnswerBytesMax",
      });
      expect(small.errors).toBeUndefined();
      expect(stored.errors).toBeUndefined();
      expect(unread.count).toBe(CLIENTS);
    },
  );

  it("are dropped with their connections after --slow-reader", async () => {
    await using server = await serverWithLargeJob({ slowReader: "1s" });
    using unread = await unreadByHttp(server.url);

    await unread.untilClosed();
    const large = await ask(server.url, LARGE);

    expect(large.errors).toBeUndefined();
    expect(unread.count).toBe(CLIENTS);
  });

  it("are no obstacle when clients read them", async () => {
    await using server = await serverWithLargeJob(BOUND);

    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(server.url, LARGE)));

    expect(answers.filter(({ errors }) => errors)).toEqual([]);
  });
});

function treeOf(alias: string): string {
  return `${alias}: task(database: "d", username: "u", jobId: "j") { tasks { kind path description status message startedAt endedAt progress { done volume knownVolume } } }`;
}

async function serverWithLargeJob(flags: Readonly<Record<string, string>>): Promise<TestServer> {
  const server = await startServer(flags);
  const subTasks = Array.from({ length: 9_000 }, (_, at) => ({ description: `${"x".repeat(40)} ${at}` }));
  await store(server.url, { task: { description: "large", subTasks } });
  return server;
}

/** Clients that request the large answer and do not read it. */
interface UnreadAnswers extends Disposable {
  readonly count: number;
  /** Resolves when the server has closed all connections. */
  untilClosed(): Promise<unknown>;
}

async function unreadByHttp(url: string): Promise<UnreadAnswers> {
  const connections = await Promise.all(Array.from({ length: CLIENTS }, () => RawConnection.open(url)));
  const body = JSON.stringify(LARGE);
  const head = `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  for (const connection of connections) {
    connection.socket.pause();
    connection.write(head + body);
  }
  return {
    count: connections.length,
    untilClosed: () => metricReaches(url, "tidemark_slow_readers_closed_total", CLIENTS),
    [Symbol.dispose]: () => connections.forEach((connection) => connection[Symbol.dispose]()),
  };
}

async function unreadByWebSocket(url: string): Promise<UnreadAnswers> {
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => WsClient.connect(url)));
  for (const client of clients) {
    client.send({ type: "subscribe", id: "1", payload: LARGE });
    client.socket.pause();
  }
  return {
    count: clients.length,
    untilClosed: () => Promise.all(clients.map(({ closed }) => closed)),
    [Symbol.dispose]: () => clients.forEach((client) => client[Symbol.dispose]()),
  };
}

/** Once a large answer fails, those before it wait to be read. */
async function untilFull(url: string): Promise<void> {
  while (!(await ask(url, LARGE)).errors);
}
