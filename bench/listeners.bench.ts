/**
 * How many changes a second workers can report while many listen to all of them: 50 workers report by `updateTask`,
 * each on its own job over its own connection, one request under way each, to a server with 100 or 1,000 subscribers.
 * A run has ended when each report was answered, and a last change that was made then has come to everybody: events
 * come in order, so all before it have. Several changes of one job may be told as one event (its `version` says how
 * many), so the events that a mutation brought each listener are told apart: 1 means that nothing was merged. A fresh
 * process each time, runs of a second after others that warm up; ratios are made within a round.
 *
 *     npm run bench -- listeners --rounds 3
 *
 * Found (Node 20, 2 shared cores; 5 rounds):
 *
 *     listeners             mutations a second  CPU µs a mutation  events a mutation and listener
 *     100        Tidemark                4,127                159                            0.85
 *                Yoga                       93             11,848                               1
 *                mercurius                  79             12,039                               1
 *     1,000      Tidemark                  632              1,368                            0.86
 *                Yoga                        6            132,832                               1
 *                mercurius                   6            119,288                               1
 *
 * 44 [25..69] and 94 [46..118] times Yoga.
 */
import { SubscriberPool } from "./delivery/subscriber-pool.js";
import { Figures, MERCURIUS, TIDEMARK, YOGA, type Contender } from "./delivery/contenders.js";
import { keepResults, rotated, ROUNDS } from "./rounds.js";
import { ServerProcess } from "./server-process.js";

const WORKERS = 50;
const LISTENERS = [
  { listeners: 100, atLeast: 40 },
  { listeners: 1_000, atLeast: 60 },
];
const CONTENDERS = [TIDEMARK, YOGA, MERCURIUS];
/** CPU time of the server, microseconds: of the run that is measured about, and of the last that warms up at least. */
const RUN_MICROS = 1_000_000;
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
  "mutations a second": "Tidemark / yoga",
  reached: figures.ratio(rateOf(TIDEMARK.name, listeners), rateOf(YOGA.name, listeners), 1),
  "CPU a mutation: yoga / Tidemark": figures.ratio(
    cpuOf(YOGA.name, listeners),
    cpuOf(TIDEMARK.name, listeners),
    1,
  ),
  target: `at least ${atLeast}`,
}));
console.table(rows);
console.table(ratios);
await keepResults("listeners", {
  unit: "mutations a second, server CPU µs a mutation",
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

/** Runs that double. Returns what a report took the server in the last one. */
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
  /** That all listeners were told together. */
  readonly events: number;
}

/** Until each report is answered, and the last state has come to everybody. */
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
    "mutations a second": figures.spread(rateOf(name, listeners), 0),
    "CPU µs a mutation": figures.spread(cpuOf(name, listeners), 0),
    "events a mutation and listener": figures.spread(eventsOf(name, listeners), 2),
  };
}

function rateOf(name: string, listeners: number): string {
  return `${name}, ${listeners} listeners, mutations a second`;
}

function cpuOf(name: string, listeners: number): string {
  return `${name}, ${listeners} listeners, CPU µs a mutation`;
}

function eventsOf(name: string, listeners: number): string {
  return `${name}, ${listeners} listeners, events a mutation and listener`;
}
