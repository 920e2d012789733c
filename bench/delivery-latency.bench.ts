/**
 * The latency from a mutation to a subscriber: 200 `updateTask` per second for 3 s, each delivered to 500 subscribers. The
 * mutations are sent at fixed times, whether or not earlier ones were answered, over 50 connections with a job each. A
 * mutation reports its scheduled time, which is compared with the time when its event arrives. Each server gets a fresh
 * process, warmed up at 20 per second. Events that arrive more than 2 s after the end count as lost and are not part of
 * p50 and p99. When Tidemark falls behind, it merges changes of a job.
 *
 *     npm run bench -- delivery-latency --rounds 3
 *
 * Results (Node 20, 2 shared cores; 1 round, as further ones were disturbed by other load):
 *
 *                   p50 ms  p99 ms  received, %
 *     Tidemark          15      32          100
 *     Yoga           3,201   6,455           22
 *     mercurius      4,127   7,623           24
 *     Apollo Server  3,209   6,586           21
 *
 * Tidemark needs one core for this load; the others fall behind. With a fifth of a core, Tidemark was one second late and
 * delivered 94 % of the events; the rest was merged.
 */
import { setTimeout } from "node:timers/promises";
import { SubscriberPool } from "./delivery/subscriber-pool.js";
import { APOLLO, Figures, MERCURIUS, TIDEMARK, YOGA, type Contender } from "./delivery/contenders.js";
import { writeResults, rotated, ROUNDS } from "./rounds.js";
import { ServerProcess } from "./server-process.js";

const SUBSCRIBERS = 500;
const WORKERS = 50;
const CONTENDERS = [TIDEMARK, YOGA, MERCURIUS, APOLLO];
const WARM_UP = { perSecond: 20, seconds: 2 };
const LOAD = { perSecond: 200, seconds: 3 };
/** How long to wait for late events. */
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
  "received, %": figures.spread(`${name}, received, %`, 0),
  "server CPU, cores": figures.spread(`${name}, cores`, 2),
}));
const ratios = Object.entries(TARGETS).map(([percentile, atMost]) => ({
  "Tidemark, ms": percentile,
  reached: figures.spread(`Tidemark, ${percentile}`),
  target: `at most ${atMost}`,
}));
console.table(rows);
console.table(ratios);
await writeResults("delivery-latency", { unit: "ms from mutation to delivery", rows, ratios, figures });

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
  const micros = (await audience.server.cpuMicros()) - cpu; // an overloaded server answers late
  const cores = micros / (1_000 * (performance.now() - began));
  await setTimeout(PATIENCE_MS);
  const { count, p50, p99 } = await audience.times();
  figures.add(`${name}, p50`, p50);
  figures.add(`${name}, p99`, p99);
  figures.add(`${name}, received, %`, (100 * count) / (LOAD.perSecond * LOAD.seconds * SUBSCRIBERS));
  figures.add(`${name}, cores`, cores);
}
