/**
 * The cost of delivering an event to many subscribers: 100, 1,000 and 5,000 subscribers watch all events of one database,
 * each over its own WebSocket with an id of 36 characters, with one or ten events per turn of the event loop. Events are
 * published in the server's process, in bursts of 10,000 deliveries (and at least 10 events; for the other servers only
 * the events of one turn). A burst starts when the previous one has arrived. The figure is the CPU time of the process
 * (user and system) per delivery. All servers run at the same time and are measured in turn, round by round; ratios
 * compare figures of one round. Beside Tidemark:
 *
 * - `raw ws`: frames prebuilt except for the subscriber's id, each with its own socket write. A server with one write per
 *   event can't be faster than these system calls.
 * - `raw ws, one write per turn`: the same, with all frames of a turn in one write.
 * - other servers with their defaults (`rivals/`), and the same document. With 5,000 subscribers only Yoga, as a turn of
 *   ten events takes such a server five seconds.
 *
 *     npm run bench -- fan-out --rounds 3
 *
 * Results (Node 20, 2 shared cores; 5 rounds; CPU µs per delivery of 480 bytes):
 *
 *     subscribers  events per turn  Tidemark  raw ws  raw ws, one write per turn  Yoga  mercurius  Apollo
 *     100                        1       6.8     8.9                         7.8   121        100     106
 *     100                       10       1.4     7.8                         1.3   126        101     101
 *     1,000                      1       7.4    12.3                        13.3   140        112     106
 *     1,000                     10       1.9    11.6                         1.5   141        117     106
 *     5,000                      1       4.3    10.6                        12.6   150
 *     5,000                     10       2.0    11.2                         1.5   157
 *
 * With one event per turn, Tidemark is 1.1 to 3 times as efficient as raw writes, because changes that happen while the
 * sockets are written join the next write. With ten it reaches 0.93, 0.80 and 0.66 of one raw write per turn. It is 19 and
 * 77 times cheaper than Yoga. bench/README.md explains where the time is spent.
 */
import { deepStrictEqual } from "node:assert";
import { SubscriberPool, type Burst } from "./delivery/subscriber-pool.js";
import {
  APOLLO,
  Figures,
  MERCURIUS,
  RAW,
  RAW_COALESCED,
  TIDEMARK,
  YOGA,
  type Contender,
} from "./delivery/contenders.js";
import { writeResults, rotated, ROUNDS } from "./rounds.js";

const SUBSCRIBERS = [100, 1_000, 5_000];
const PER_TURN = [1, 10];
const CONTENDERS = [TIDEMARK, RAW, RAW_COALESCED, YOGA, MERCURIUS, APOLLO];
const RIVALS = new Set([YOGA, MERCURIUS, APOLLO]);
/** Five rounds with ten events per turn would take half a minute of CPU. */
const NOT_WITH_5000 = new Set([MERCURIUS, APOLLO]);
const DELIVERIES_AT_ONCE = 10_000;
const EVENTS_AT_ONCE = 10;
/** The minimum CPU time of a measurement, in microseconds. */
const LEAST_MICROS = 300_000;
const WARM_UP_MICROS = 700_000;

/** Targets for the figure of `other`, divided by Tidemark's. */
const TARGETS = [
  { perTurn: 1, other: RAW, atLeast: 0.85 },
  { perTurn: 10, other: RAW_COALESCED, atLeast: 0.8 },
  { perTurn: 1, other: YOGA, atLeast: 6 },
  { perTurn: 10, other: YOGA, atLeast: 40 },
];

const figures = new Figures();
for (const subscribers of SUBSCRIBERS) await measureAll(subscribers);
const rows = SUBSCRIBERS.flatMap((subscribers) => PER_TURN.map((perTurn) => rowOf(subscribers, perTurn)));
const ratios = SUBSCRIBERS.flatMap((subscribers) => TARGETS.map((target) => ratioOf(subscribers, target)));
console.table(rows);
console.table(ratios);
await writeResults("fan-out", { unit: "server CPU µs per delivery", rows, ratios, figures });

/** All servers run at the same time and are measured in turn. */
async function measureAll(subscribers: number): Promise<void> {
  const stands: Stand[] = [];
  try {
    for (const contender of contendersWith(subscribers)) stands.push(await open(contender, subscribers));
    await checkAnswers(stands);
    for (let round = 0; round < ROUNDS; round++) {
      for (const stand of rotated(stands, round)) await measureRound(stand, subscribers);
    }
  } finally {
    await Promise.all(stands.map(({ audience }) => audience[Symbol.asyncDispose]()));
  }
}

function contendersWith(subscribers: number): Contender[] {
  return CONTENDERS.filter((contender) => subscribers < 5_000 || !NOT_WITH_5000.has(contender));
}

interface Stand {
  readonly contender: Contender;
  readonly audience: SubscriberPool;
}

async function open(contender: Contender, subscribers: number): Promise<Stand> {
  const jobs = Math.max(EVENTS_AT_ONCE, DELIVERIES_AT_ONCE / subscribers);
  const audience = await SubscriberPool.open(contender, { subscribers, jobs });
  await audience.cpuMicros(burstOf(contender, subscribers, 1), WARM_UP_MICROS);
  return { contender, audience };
}

async function measureRound({ contender, audience }: Stand, subscribers: number): Promise<void> {
  for (const perTurn of PER_TURN) {
    const burst = burstOf(contender, subscribers, perTurn);
    const { micros, bursts } = await audience.cpuMicros(burst, LEAST_MICROS);
    figures.add(nameOf(contender, subscribers, perTurn), micros / (bursts * burst.events * subscribers));
  }
}

/** The other servers get smaller bursts, which would otherwise take them seconds. */
function burstOf(contender: Contender, subscribers: number, perTurn: number): Burst {
  const least = RIVALS.has(contender) ? perTurn : EVENTS_AT_ONCE;
  return { events: Math.max(least, DELIVERIES_AT_ONCE / subscribers), perTurn, readers: subscribers };
}

/** Checks that the servers deliver events of the same shape. */
async function checkAnswers(stands: readonly Stand[]): Promise<void> {
  const events = await Promise.all(stands.map(({ audience }) => audience.latest()));
  for (const event of events) deepStrictEqual(shapeOf(event), shapeOf(events[0]!));
}

function shapeOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, shapeOf(of)]));
}

function nameOf({ name }: Contender, subscribers: number, perTurn: number): string {
  return `${name}, ${subscribers} subscribers, ${perTurn} per turn`;
}

function rowOf(subscribers: number, perTurn: number): object {
  const cells = CONTENDERS.map((contender) => [
    contender.name,
    figures.spread(nameOf(contender, subscribers, perTurn)),
  ]);
  return { subscribers, "events per turn": perTurn, ...Object.fromEntries(cells) };
}

function ratioOf(subscribers: number, { perTurn, other, atLeast }: (typeof TARGETS)[number]): object {
  const [over, under] = [other, TIDEMARK].map((contender) => nameOf(contender, subscribers, perTurn));
  return {
    subscribers,
    "events per turn": perTurn,
    CPU: `${other.name} / Tidemark`,
    reached: figures.ratio(over!, under!),
    target: `at least ${atLeast}`,
  };
}
