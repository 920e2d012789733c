/**
 * The memory of an idle subscriber: the growth of the server's process, after forced garbage collections, from 200
 * subscribers to 5,000 more, each with its own WebSocket. Each measurement uses a fresh process. It is compared with plain
 * WebSockets of ws in a list, and with other servers. Ratios compare figures of one round.
 *
 *     npm run bench -- idle-memory --rounds 3
 *
 * Results (Node 20; 5 rounds; bytes per subscriber):
 *
 *                  Tidemark  raw ws    Yoga  mercurius  Apollo Server
 *     RSS            12,490  10,093  23,913     78,573         44,061
 *     JS heap         8,349   3,433  19,085     74,275         35,555
 *
 * 1.23 times a raw WebSocket, 0.51 of Yoga. Most of the difference to a raw WebSocket is the closures and promises of
 * graphql-ws, and Node's timers.
 */
import { SubscriberPool } from "./delivery/subscriber-pool.js";
import { APOLLO, Figures, MERCURIUS, RAW, TIDEMARK, YOGA, type Contender } from "./delivery/contenders.js";
import { writeResults, rotated, ROUNDS } from "./rounds.js";

const SUBSCRIBERS = 5_000;
/** Subscribers before the measurement, so that one-time allocations do not count. */
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
await writeResults("idle-memory", { unit: "bytes per subscriber", rows, ratios, figures });

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
