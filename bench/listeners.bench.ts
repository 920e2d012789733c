/**
 * Reports per second while many subscribers listen to all of them: 50 workers send `updateTask`, each for its own job over
 * its own connection with one request in flight, to a server with 100 or 1,000 subscribers. A run ends when all reports
 * are answered and all subscribers have received one last change; as events are ordered, they have then received all. The
 * server may merge several changes of a job into one event, so the events per mutation and listener are counted too: 1
 * means that nothing was merged. Each run takes a second in a fresh process after a warm-up. Ratios compare figures of one
 * round.
 *
 *     npm run bench -- listeners --rounds 3
 *
 * Results (Node 20, 2 shared cores; 5 rounds):
 *
 *     listeners             mutations per second  CPU µs per mutation  events per mutation and listener
 *     100        Tidemark                4,127                  159                              0.85
 *                Yoga                       93               11,848                                 1
 *                mercurius                  79               12,039                                 1
 *     1,000      Tidemark                  632                1,368                              0.86
 *                Yoga                        6              132,832                                 1
 *                mercurius                   6              119,288                                 1
 *
 * 44 [25..69] and 94 [46..118] times Yoga.
 */
import { SubscriberPool } from "./delivery/subscriber-pool.js";
import { Figures, MERCURIUS, TIDEMARK, YOGA, type Contender } from "./delivery/contenders.js";
import { writeResults, rotated, ROUNDS } from "./rounds.js";
import { ServerProcess } from "./server-process.js";

const WORKERS = 50;
const LISTENERS = [
  { listeners: 100, atLeast: 40 },
  { listeners: 1_000, atLeast: 60 },
];
const CONTENDERS = [TIDEMARK, YOGA, MERCURIUS];
/** The approximate CPU time of the measured run, in microseconds. */
const RUN_MICROS = 1_000_000;
/** The minimum CPU time of the last warm-up run, in microseconds. */
const WARM_UP_MICROS = 700_000;

const figures = new Figures();
for (let round = 0; round < ROUNDS; round++) {
  for (const { listeners } of LISTENERS) {
    for (const contender of rotated(CONTENDERS, round)) await measure(contender, listeners);
  }
}
const rows = LISTENERS.flatMap(({ listeners }) => CONTENDERS.map(({ name }) => rowOf(name, listeners)));
const ratios = LISTENERS.map(({ listeners, atLeast }) => ({
  listeners,
  "mutations per second": "Tidemark / yoga",
  reached: figures.ratio(rateOf(TIDEMARK.name, listeners), rateOf(YOGA.name, listeners), 1),
  "CPU per mutation: yoga / Tidemark": figures.ratio(
    cpuOf(YOGA.name, listeners),
    cpuOf(TIDEMARK.name, listeners),
    1,
  ),
  target: `at least ${atLeast}`,
}));
console.table(rows);
console.table(ratios);
await writeResults("listeners", {
  unit: "mutations per second, server CPU µs per mutation",
  rows,
  ratios,
  figures,
});

async function measure(contender: Contender, listeners: number): Promise<void> {
  await using audience = await SubscriberPool.open(contender, { subscribers: listeners, jobs: WORKERS });
  await using workers = await ServerProcess.start("delivery/mutations.mjs");
  await workers.ask("open", { url: audience.server.url, count: WORKERS });
  const microsEach = await warmUp(audience, workers);
  const count = Math.max(WORKERS, Math.round(RUN_MICROS / microsEach));
  const { reports, seconds, cpuMicros, events } = await run(audience, workers, count);
  figures.add(rateOf(contender.name, listeners), reports / seconds);
  figures.add(cpuOf(contender.name, listeners), cpuMicros / reports);
  figures.add(eventsOf(contender.name, listeners), events / listeners / reports);
}

/** Doubles the reports of each run. Returns the CPU time per report in the last run. */
async function warmUp(audience: SubscriberPool, workers: ServerProcess): Promise<number> {
  for (let reports = WORKERS; ; reports *= 2) {
    const { cpuMicros } = await run(audience, workers, reports);
    if (cpuMicros >= WARM_UP_MICROS) return cpuMicros / reports;
  }
}

interface Run {
  readonly reports: number;
  readonly seconds: number;
  readonly cpuMicros: number;
  /** In total for all listeners. */
  readonly events: number;
}

/** Runs until all reports are answered and all listeners have received the last state. */
async function run(audience: SubscriberPool, workers: ServerProcess, reports: number): Promise<Run> {
  const cpu = await audience.server.cpuMicros();
  const began = performance.now();
  await workers.ask("report", { count: reports });
  const events = await audience.mark();
  const seconds = (performance.now() - began) / 1_000;
  return { reports, seconds, cpuMicros: (await audience.server.cpuMicros()) - cpu, events };
}

function rowOf(name: string, listeners: number): object {
  return {
    listeners,
    server: name,
    "mutations per second": figures.spread(rateOf(name, listeners), 0),
    "CPU µs per mutation": figures.spread(cpuOf(name, listeners), 0),
    "events per mutation and listener": figures.spread(eventsOf(name, listeners), 2),
  };
}

function rateOf(name: string, listeners: number): string {
  return `${name}, ${listeners} listeners, mutations per second`;
}

function cpuOf(name: string, listeners: number): string {
  return `${name}, ${listeners} listeners, CPU µs per mutation`;
}

function eventsOf(name: string, listeners: number): string {
  return `${name}, ${listeners} listeners, events per mutation and listener`;
}
