/**
 * The cost of subscribers that an event does not concern: 100, 1,000 and 10,000 subscribers each watch a different user of
 * one database, and each event concerns one of them. Events are published in the server's process, one per turn of the
 * event loop. The figure is the CPU time of the process per event, until it has arrived. All servers run at the same time
 * and are measured in turn, round by round; ratios compare figures of one round.
 *
 *     npm run bench -- fan-out-filters --rounds 3
 *
 * Results (Node 20, 2 shared cores; 5 rounds; CPU µs per event):
 *
 *     subscribers  Tidemark     Yoga  mercurius
 *     100               135    1,581      1,270
 *     1,000             144   11,469     11,893
 *     10,000            102  194,605    222,052
 *
 * Other subscribers cost nothing, because the hub finds the subscribers of an event by user and job.
 */
import { SubscriberPool, type Burst } from "./delivery/subscriber-pool.js";
import { Figures, MERCURIUS, TIDEMARK, YOGA, type Contender } from "./delivery/contenders.js";
import { writeResults, rotated, ROUNDS } from "./rounds.js";

const SUBSCRIBERS = [100, 1_000, 10_000];
const CONTENDERS = [TIDEMARK, YOGA, MERCURIUS];
const EVENTS_AT_ONCE = { most: 100, least: 10 };
/** The minimum CPU time of a measurement, in microseconds. */
const LEAST_MICROS = 200_000;
const WARM_UP_MICROS = 500_000;
const AT_MOST = 1.5;

const figures = new Figures();
const stands: Stand[] = [];
try {
  for (const subscribers of SUBSCRIBERS) {
    for (const contender of CONTENDERS) stands.push(await open(contender, subscribers));
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const stand of rotated(stands, round)) await measureRound(stand);
  }
} finally {
  await Promise.all(stands.map(({ audience }) => audience[Symbol.asyncDispose]()));
}
const rows = SUBSCRIBERS.map(rowOf);
const ratios = CONTENDERS.map(ratioOf);
console.table(rows);
console.table(ratios);
await writeResults("fan-out-filters", { unit: "server CPU µs per event", rows, ratios, figures });

interface Stand {
  readonly name: string;
  readonly audience: SubscriberPool;
  readonly burst: Burst;
}

/** Publishes many events at once if the warm-up shows that the server is fast. */
async function open(contender: Contender, subscribers: number): Promise<Stand> {
  const options = { subscribers, jobs: subscribers, isFiltered: true };
  const audience = await SubscriberPool.open(contender, options);
  const burst = { events: EVENTS_AT_ONCE.least, perTurn: 1, readers: 1 };
  const { micros, bursts } = await audience.cpuMicros(burst, WARM_UP_MICROS);
  const isFast = micros / (bursts * burst.events) < LEAST_MICROS / EVENTS_AT_ONCE.most;
  const events = isFast ? EVENTS_AT_ONCE.most : EVENTS_AT_ONCE.least;
  return { name: nameOf(contender, subscribers), audience, burst: { ...burst, events } };
}

async function measureRound({ name, audience, burst }: Stand): Promise<void> {
  const { micros, bursts } = await audience.cpuMicros(burst, LEAST_MICROS);
  figures.add(name, micros / (bursts * burst.events));
}

function nameOf({ name }: Contender, subscribers: number): string {
  return `${name}, ${subscribers} subscribers`;
}

function rowOf(subscribers: number): object {
  const cells = CONTENDERS.map((contender) => [
    contender.name,
    figures.spread(nameOf(contender, subscribers), 0),
  ]);
  return { subscribers, ...Object.fromEntries(cells) };
}

function ratioOf(contender: Contender): object {
  const [least, most] = [SUBSCRIBERS.at(0)!, SUBSCRIBERS.at(-1)!];
  return {
    server: contender.name,
    CPU: `${most} / ${least} subscribers`,
    reached: figures.ratio(nameOf(contender, most), nameOf(contender, least)),
    target: contender === TIDEMARK ? `at most ${AT_MOST}` : "none",
  };
}
