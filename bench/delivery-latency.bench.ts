/**
 * How long it takes from a mutation until a subscriber has been told: 200 `updateTask` a second for 3 s, sent by the
 * clock whether or not those before were answered (over 50 connections, each with a job of its own), each told to 500
 * subscribers. What a mutation reports is the time at which it was to be sent, read again where its event arrives.
 * A fresh process each time, warmed up at 20 a second. 2 s after the end it is counted how many of the 300,000 events
 * have come: of those of a server that is behind the rest is late, and does not count in its p50 and p99; Tidemark
 * merges changes of one job when it is behind.
 *
 *     npm run bench -- delivery-latency --rounds 3
 *
 * Found (Node 20, 2 shared cores; 1 round, as more of them fell into times when others had the machine):
 *
 *                   p50 ms  p99 ms  came, %
 *     Tidemark          15      32      100
 *     Yoga           3,201   6,455       22
 *     mercurius      4,127   7,623       24
 *     Apollo Server  3,209   6,586       21
 *
 * Tidemark needs one core for it; the others are behind. Where Tidemark was given a fifth of a core it was a second
 * late, and told 94 % of the events, the rest merged.
 */
import { setTimeout } from "node:timers/promises";
import { SubscriberPool } from "./delivery/subscriber-pool.js";
import { APOLLO, Figures, MERCURIUS, TIDEMARK, YOGA, type Contender } from "./delivery/contenders.js";
import { keepResults, rotated, ROUNDS } from "./rounds.js";
import { ServerProcess } from "./server-process.js";

const SUBSCRIBERS = 500;
const WORKERS = 50;
const CONTENDERS = [TIDEMARK, YOGA, MERCURIUS, APOLLO];
const WARM_UP = { perSecond: 20, seconds: 2 };
const LOAD = { perSecond: 200, seconds: 3 };
/** How long what is late is waited for. */
const PATIENCE_MS = 2_000;
const TARGETS = { p50: 15, p99: 50 };

const figures = new Figures();
for (let round = 0; round < ROUNDS; round++) {
  for (const contender of rotated(CONTENDERS, round)) await measure(contender);
}
const rows = CONTENDERS.map(({ name }) => ({
  server: name,
  "p50 ms": figures.spread(`${name}, p50`),
  "p99 ms": figures.spread(`${name}, p99`),
  "came, %": figures.spread(`${name}, came, %`, 0),
  "server CPU, cores": figures.spread(`${name}, cores`, 2),
}));
const ratios = Object.entries(TARGETS).map(([percentile, atMost]) => ({
  "Tidemark, ms": percentile,
  reached: figures.spread(`Tidemark, ${percentile}`),
  target: `at most ${atMost}`,
}));
console.table(rows);
console.table(ratios);
await keepResults("delivery-latency", { unit: "ms from mutation to delivery", rows, ratios, figures });

async function measure({ name, ...contender }: Contender): Promise<void> {
  await using audience = await SubscriberPool.open(
    { name, ...contender },
    { subscribers: SUBSCRIBERS, jobs: WORKERS },
  );
  await using workers = await ServerProcess.start("delivery/mutations.mjs");
  await workers.ask("open", { url: audience.server.url, count: WORKERS });
  await workers.ask("reportAtRate", WARM_UP);
  await audience.quiet();
  await audience.time();
  const [cpu, began] = [await audience.server.cpuMicros(), performance.now()];
  await workers.ask("reportAtRate", LOAD);
  const micros = (await audience.server.cpuMicros()) - cpu; // a server that is behind answers late
  const cores = micros / (1_000 * (performance.now() - began));
  await setTimeout(PATIENCE_MS);
  const { count, p50, p99 } = await audience.times();
  figures.add(`${name}, p50`, p50);
  figures.add(`${name}, p99`, p99);
  figures.add(`${name}, came, %`, (100 * count) / (LOAD.perSecond * LOAD.seconds * SUBSCRIBERS));
  figures.add(`${name}, cores`, cores);
}
