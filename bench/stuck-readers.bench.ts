/**
 * The cost of subscribers that stopped reading, for a writer and the server's memory: 20,000 changes without subscribers,
 * with 20 stuck subscribers of each transport, and with 20 that read. Over real sockets to a server in its own process;
 * medians of interleaved rounds.
 *
 *     npm run bench -- stuck-readers
 *
 * Results (Node 20, 2 shared cores, one of which runs the clients; an event has 10 kB):
 *
 *     subscribers                     changes per second  ratio to none  heap growth, MB
 *     none                                        20,314              1             -0.1
 *     20 stuck, WebSocket                         21,915           1.08             -0.7
 *     20 stuck, server-sent events                19,058           0.94             -0.2
 *     20 reading, WebSocket                        8,532           0.42             -0.2
 *
 * Stuck subscribers cost nothing. The cost of the others is the serialization of 10 kB for each.
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
  /** Stops reading. Returns whether the readers are stuck now. */
  pause(): boolean;
}

const READERS_BY_NAME: Record<string, () => Promise<Readers>> = {
  none: async () => ({ pause: () => false, [Symbol.dispose]() {} }),
  "20 stuck, WebSocket": () => overWebSocket(true),
  "20 stuck, server-sent events": () => overSse(),
  "20 reading, WebSocket": () => overWebSocket(false),
};

await using server = await MeasuredServer.start({ slowReader: "10m", keepAlive: "10m" });
await server.storeJobs({ database: "d", users: 1, jobs: INPUTS, tasks: 100 });
const rows = Object.keys(READERS_BY_NAME).map((name) => ({
  name,
  rates: [] as number[],
  grown: [] as number[],
}));
for (let round = 0; round <= ROUNDS; round++) {
  for (const { name, rates, grown } of rows) {
    const { rate, bytes } = await measure(READERS_BY_NAME[name]!);
    if (round > 0) rates.push(rate);
    if (round > 0) grown.push(bytes);
  }
}
const alone = median(rows[0]!.rates);
console.table(
  rows.map(({ name, rates, grown }) => ({
    subscribers: name,
    "changes per second": Math.round(median(rates)),
    "ratio to none": rounded(median(rates) / alone, 2),
    "heap growth, MB": rounded(median(grown) / 1e6),
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

/** Writes until the stuck subscribers have filled the network buffers. */
async function untilQuiet(): Promise<void> {
  for (let before = -1; ;) {
    for (let request = 0; request < 5; request++) await server.report(INPUTS, { add: 1 });
    const now = await readMetric(server.url, "tidemark_events_told_total");
    if (now - before < READERS) return;
    before = now;
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
