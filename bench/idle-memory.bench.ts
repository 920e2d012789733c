/**
 * What a subscriber takes of the server's memory while nothing happens: the process of a server with 200 subscribers
 * is looked at after a forced collection, then 5,000 more subscribe, each over a WebSocket of its own, and it is
 * looked at again. A fresh process each time; beside a WebSocket by ws that subscribes to nothing but a list of
 * sockets, and beside other servers. Ratios are made within a round.
 *
 *     npm run bench -- idle-memory --rounds 3
 *
 * Found (Node 20; 5 rounds; bytes a subscriber):
 *
 *                  Tidemark  raw ws    Yoga  mercurius  Apollo Server
 *     RSS            12,490  10,093  23,913     78,573         44,061
 *     JS heap         8,349   3,433  19,085     74,275         35,555
 *
 * 1.23 times a raw WebSocket, 0.51 of Yoga. Of what is ours most is the closures and promises of graphql-ws, and Node's
 * timers.
 */
import { SubscriberPool } from "./delivery/subscriber-pool.js";
import { APOLLO, Figures, MERCURIUS, RAW, TIDEMARK, YOGA, type Contender } from "./delivery/contenders.js";
import { keepResults, rotated, ROUNDS } from "./rounds.js";

const SUBSCRIBERS = 5_000;
/** Who are there before: what the first of them brings about is not counted. */
const BEFORE = 200;
const CONTENDERS = [TIDEMARK, RAW, YOGA, MERCURIUS, APOLLO];
const TARGETS = [
  { other: RAW, atMost: 1.35 },
  { other: YOGA, atMost: 0.62 },
];

const figures = new Figures();
for (let round = 0; round < ROUNDS; round++) {
  for (const contender of rotated(CONTENDERS, round)) await measure(contender);
}
const rows = CONTENDERS.map(({ name }) => ({
  server: name,
  "RSS, bytes": figures.spread(rssOf(name), 0),
  "JS heap, bytes": figures.spread(heapOf(name), 0),
}));
const ratios = TARGETS.map(({ other, atMost }) => ({
  RSS: `Tidemark / ${other.name}`,
  reached: figures.ratio(rssOf(TIDEMARK.name), rssOf(other.name)),
  target: `at most ${atMost}`,
}));
console.table(rows);
console.table(ratios);
await keepResults("idle-memory", { unit: "bytes a subscriber", rows, ratios, figures });

async function measure(contender: Contender): Promise<void> {
  await using audience = await SubscriberPool.open(contender, { subscribers: BEFORE, jobs: 1 });
  const before = await audience.memory();
  await audience.join(SUBSCRIBERS);
  const after = await audience.memory();
  figures.add(rssOf(contender.name), (after.rss - before.rss) / SUBSCRIBERS);
  figures.add(heapOf(contender.name), (after.heap - before.heap) / SUBSCRIBERS);
}

function rssOf(name: string): string {
  return `${name}, RSS`;
}

function heapOf(name: string): string {
  return `${name}, JS heap`;
}
