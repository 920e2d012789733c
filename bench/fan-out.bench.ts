/**
 * What it costs a server to tell an event to many: 100, 1,000 and 5,000 subscribers to all events of one database, each
 * over a WebSocket of its own with an id of 36 characters, one event a turn of the event loop and ten. Events are
 * published in the server's process, as many as make 10,000 deliveries (10 at least; of the other servers only as many
 * as a turn has), and all deliveries are awaited before the next are; what counts is the CPU time of the process
 * (user and system) a delivery. All servers are open at the same time and are measured one after the other, round by
 * round; ratios are made within a round. Beside Tidemark:
 *
 * - `raw ws`: frames that are made beforehand but for the subscriber's id, each written to the socket by itself. Who
 *   writes each event by itself can't do better than the system calls.
 * - `raw ws, a write a turn`: the same, all frames of a turn in one write.
 * - other servers as they come (`rivals/`), with the same document; with 5,000 subscribers Yoga alone, as a turn of ten
 *   events takes such a server five seconds.
 *
 *     npm run bench -- fan-out --rounds 3
 *
 * Found (Node 20, 2 shared cores; 5 rounds; CPU µs a delivery of 480 bytes):
 *
 *     subscribers  a turn  Tidemark  raw ws  raw ws, a write a turn  Yoga  mercurius  Apollo
 *     100               1       6.8     8.9                     7.8   121        100     106
 *     100              10       1.4     7.8                     1.3   126        101     101
 *     1,000             1       7.4    12.3                    13.3   140        112     106
 *     1,000            10       1.9    11.6                     1.5   141        117     106
 *     5,000             1       4.3    10.6                    12.6   150
 *     5,000            10       2.0    11.2                     1.5   157
 *
 * One event a turn: 1.1 to 3 times as efficient as writing each event by itself, as what happens while sockets are
 * written goes into the next writes. Ten: 0.93, 0.80 and 0.66 of one raw write a turn. 19 and 77 times as cheap as Yoga.
 * bench/README.md says where the rest goes.
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
import { keepResults, rotated, ROUNDS } from "./rounds.js";

const SUBSCRIBERS = [100, 1_000, 5_000];
const PER_TURN = [1, 10];
const CONTENDERS = [TIDEMARK, RAW, RAW_COALESCED, YOGA, MERCURIUS, APOLLO];
const RIVALS = new Set([YOGA, MERCURIUS, APOLLO]);
/** A turn of ten events takes these half a minute of CPU in five rounds. */
const NOT_WITH_5000 = new Set([MERCURIUS, APOLLO]);
/** Deliveries that may be under way. */
const DELIVERIES_AT_ONCE = 10_000;
const EVENTS_AT_ONCE = 10;
/** What is measured takes at least so much of the server's CPU time, microseconds. */
const LEAST_MICROS = 300_000;
const WARM_UP_MICROS = 700_000;

/** What Tidemark's figure is compared with: how many times it goes into theirs. */
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
await keepResults("fan-out", { unit: "server CPU µs a delivery", rows, ratios, figures });

/** All are there at the same time, and are measured one after the other. */
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

/** A server that tells each event by itself has fewer of them under way, where a burst would take it seconds. */
function burstOf(contender: Contender, subscribers: number, perTurn: number): Burst {
  const least = RIVALS.has(contender) ? perTurn : EVENTS_AT_ONCE;
  return { events: Math.max(least, DELIVERIES_AT_ONCE / subscribers), perTurn, readers: subscribers };
}

/** All tell the same, but for the position and what counts the changes. */
async function checkAnswers(stands: readonly Stand[]): Promise<void> {
  const events = await Promise.all(stands.map(({ audience }) => audience.latest()));
  for (const event of events) deepStrictEqual(shapeOf(event), shapeOf(events[0]!));
}

function shapeOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, shapeOf(of)]));
}

function nameOf({ name }: Contender, subscribers: number, perTurn: number): string {
  return `${name}, ${subscribers} subscribers, ${perTurn} a turn`;
}

function rowOf(subscribers: number, perTurn: number): object {
  const cells = CONTENDERS.map((contender) => [
    contender.name,
    figures.spread(nameOf(contender, subscribers, perTurn)),
  ]);
  return { subscribers, "events a turn": perTurn, ...Object.fromEntries(cells) };
}

function ratioOf(subscribers: number, { perTurn, other, atLeast }: (typeof TARGETS)[number]): object {
  const [over, under] = [other, TIDEMARK].map((contender) => nameOf(contender, subscribers, perTurn));
  return {
    subscribers,
    "events a turn": perTurn,
    CPU: `${other.name} / Tidemark`,
    reached: figures.ratio(over!, under!),
    target: `at least ${atLeast}`,
  };
}
