/**
 * What readers that read nothing cost a writer and the server's memory: 20,000 changes are made beside nobody,
 * beside 20 subscribers that stopped reading (on each transport), and beside 20 that read. Over real sockets to
 * a server in a process of its own; several rounds in turn, medians.
 *
 *     npm run bench -- stuck-readers
 *
 * Found (Node 20, 2 shared cores, one of them the clients'; an event has 10 kB):
 *
 *     who                                    changes a second  to nobody  heap grown, MB
 *     nobody                                           20,314          1            -0.1
 *     20 that are stuck, WebSocket                     21,915       1.08            -0.7
 *     20 that are stuck, server-sent events            19,058       0.94            -0.2
 *     20 that read, WebSocket                           8,532       0.42            -0.2
 *
 * Who reads nothing costs nothing. What those who read cost is the serialising of 10 kB for each of them.
 */
import { MeasuredServer } from "../test/kit/server/measured-server.js";
import { readMetric } from "../test/kit/network/raw-http.js";
import { SseStream } from "../test/kit/network/sse-client.js";
import { WsClient } from "../test/kit/network/ws-client.js";
import { median, rounded, timeOf } from "./repeat.js";

const CHANGES = 20_000;
const INPUTS = 100;
const READERS = 20;
const ROUNDS = 3;
const EVENTS = {
  query: `subscription { taskEvents(database: "d") { kind: __typename position
    ... on TaskUpdated { userTask { jobId tasks { path description status progress { percent bar } } } } } }`,
};

interface Readers extends Disposable {
  /** Whether they read nothing from now on. */
  pause(): boolean;
}

const WHO: Record<string, () => Promise<Readers>> = {
  nobody: async () => ({ pause: () => false, [Symbol.dispose]() {} }),
  "20 that are stuck, WebSocket": () => overWebSocket(true),
  "20 that are stuck, server-sent events": () => overSse(),
  "20 that read, WebSocket": () => overWebSocket(false),
};

await using server = await MeasuredServer.start({ slowReader: "10m", keepAlive: "10m" });
await server.storeJobs({ database: "d", users: 1, jobs: INPUTS, tasks: 100 });
const rows = Object.keys(WHO).map((who) => ({ who, rates: [] as number[], grown: [] as number[] }));
for (let round = 0; round <= ROUNDS; round++) {
  for (const { who, rates, grown } of rows) {
    const { rate, bytes } = await measure(WHO[who]!);
    if (round > 0) rates.push(rate);
    if (round > 0) grown.push(bytes);
  }
}
const alone = median(rows[0]!.rates);
console.table(
  rows.map(({ who, rates, grown }) => ({
    who,
    "changes a second": Math.round(median(rates)),
    "to nobody": rounded(median(rates) / alone, 2),
    "heap grown, MB": rounded(median(grown) / 1e6),
  })),
);

async function measure(join: () => Promise<Readers>): Promise<{ rate: number; bytes: number }> {
  using readers = await join();
  if (readers.pause()) await untilQuiet();
  const before = await server.memory();
  const ms = await timeOf(reportAll);
  return { rate: CHANGES / (ms / 1_000), bytes: (await server.memory()).heap - before.heap };
}

async function reportAll(): Promise<void> {
  for (let change = 0; change < CHANGES; change += INPUTS) await server.report(INPUTS, { add: 1 });
}

/** Until what is told to those who don't read has filled what the network holds. */
async function untilQuiet(): Promise<void> {
  for (let told = -1; ;) {
    for (let request = 0; request < 5; request++) await server.report(INPUTS, { add: 1 });
    const now = await readMetric(server.url, "tidemark_events_told_total");
    if (now - told < READERS) return;
    told = now;
  }
}

async function overWebSocket(isStuck: boolean): Promise<Readers> {
  const clients = await Promise.all(Array.from({ length: READERS }, () => WsClient.connect(server.url)));
  for (const client of clients) client.subscribe(EVENTS);
  return {
    pause() {
      if (isStuck) for (const { socket } of clients) socket.pause();
      return isStuck;
    },
    [Symbol.dispose]: () => clients.forEach((client) => client[Symbol.dispose]()),
  };
}

async function overSse(): Promise<Readers> {
  const streams = await Promise.all(
    Array.from({ length: READERS }, () => SseStream.open(server.url, EVENTS)),
  );
  return {
    pause() {
      for (const stream of streams) stream.pause();
      return true;
    },
    [Symbol.dispose]: () => streams.forEach((stream) => stream[Symbol.dispose]()),
  };
}
