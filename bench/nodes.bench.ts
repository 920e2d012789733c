/**
 * Nodes that share one PostgreSQL on the same machine: what a change costs on the node that makes it, on one that follows, in the
 * engine, and beside a bare client; the delivery to a watcher on another node; the capacity of three nodes; memory; and the
 * watchers of a node that is killed. The bare client repeats the inserts that the store has made, with the same grouping, in
 * the next second.
 *
 *     npm run bench -- nodes --rounds 3
 *
 * Results (Node 20, PostgreSQL 15 with fsync; two cores with a load of 9 to 14 by other work; median [least..most] of 3 rounds):
 *
 *     in flight   changes/s                 of a bare client   CPU µs of a change: writer  follower  in memory  engine
 *     1              755 [166..1,128]       0.55 [0.49..0.82]                         725       237         15     346
 *     100         24,083 [8,345..26,565]    0.35 [0.34..0.42]                          27        23         11      13
 *     1,000       24,944 [15,270..28,023]   0.33 [0.33..0.42]                          27        18         12      13
 *
 *     figure                                                     target         reached
 *     changes per second, to a bare client's, 100 in flight      at least 0.5   0.35 [0.34..0.42]: not reached
 *     delivery to another node at 200 changes a second, p50 ms   at most 15     14.8 [11.3..17.5]: median reached
 *     p99 ms                                                     at most 120    69 [65..88]: reached
 *     CPU of a change that is followed, to one that is made      at most 1.2    0.64 [0.64..1.03]: reached
 *     capacity of three nodes, to one, by CPU                    at least 2.5   3.1 [3.0..3.5]: reached
 *     the same if each node follows all databases                               1.3 [1.2..1.3]
 *     memory of a followed job, to that of a local one           at most 1.1    0.88: reached
 *     memory of a loaded job                                     at most 1.1    0.93: reached
 *     1,000 watchers of a killed node are live again after s     at most 10     9.7 [4.0..12.2]: median reached, CPU 4.6 s
 *     resets                                                     0              0
 *
 * One round with a load of 2 to 6: 0.53 of a bare client with 100 in flight and 0.32 with 1,000; p50 7.8 ms, p99 135; the watchers of a
 * killed node after 2.7 s (2.0 s of CPU).
 *
 * Capacity is by CPU: each node takes as much as it can in its turn, because the machine has fewer cores than there are nodes.
 * The store is slower than a bare client because it takes turns with the engine: of the 3.8 ms of 100 changes, 2.4 are CPU of the node (a bare
 * client sends arrays that are ready: 0.6 ms), and 1.3 CPU of the engine (0.7). In groups of one, an append costs what waking up
 * costs: sockets and cold caches.
 */
import { measureDelivery, SCENARIOS, type Delivered, type Scenario } from "./nodes/delivery.js";
import { Engine } from "./nodes/engine.js";
import { measureIdle, type Idle } from "./nodes/idle.js";
import { measureKilled, type Moved } from "./nodes/killed.js";
import { measureMemory, type JobMemory } from "./nodes/memory.js";
import { capacityOf, measureSpread, type Spread } from "./nodes/spread.js";
import { measureThroughput, WAYS, type Throughput } from "./nodes/throughput.js";
import { constantsOf } from "./nodes/constants.js";
import { ROUNDS, spread, writeResults } from "./rounds.js";

/** Databases that are open in an idle node. */
const IDLE = [1, 200];

interface Round {
  readonly throughput: readonly Throughput[];
  readonly delivered: readonly Delivered[];
  readonly spread: { readonly one: Spread; readonly three: Spread; readonly followed: Spread };
  readonly memory: JobMemory;
  readonly moved: Moved;
  readonly idle: readonly Idle[];
}

await using engine = await Engine.start();
const rounds: Round[] = [];
while (rounds.length < ROUNDS) {
  rounds.push(await playRound());
  show();
}
await writeResults("nodes", { rounds });

async function playRound(): Promise<Round> {
  return {
    throughput: await measureThroughput(engine),
    delivered: await inTurn(SCENARIOS, (scenario) => measureDelivery(engine, scenario)),
    spread: {
      one: await measureSpread(engine, 1, false),
      three: await measureSpread(engine, 3, false),
      followed: await measureSpread(engine, 3, true),
    },
    memory: await measureMemory(engine),
    moved: await measureKilled(engine),
    idle: await inTurn(IDLE, (databases) => measureIdle(engine, databases)),
  };
}

/** One after the other. */
async function inTurn<T, R>(list: readonly T[], measure: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of list) results.push(await measure(item));
  return results;
}

function show(): void {
  console.table(WAYS.map(throughputRow));
  console.table(SCENARIOS.map(deliveryRow));
  console.table([
    row("changes per second to a bare client's, 100 in flight", "at least 0.5", ({ throughput }) =>
      ofBare(throughput[1]!),
    ),
    row("delivery to another node, p50 ms", "at most 15", ({ delivered }) => delivered[0]!.p50),
    row("delivery to another node, p99 ms", "at most 120", ({ delivered }) => delivered[0]!.p99),
    row("CPU of a change that is followed, to one made there", "at most 1.2", ({ throughput }) =>
      followedToMade(throughput[1]!),
    ),
    row(
      "capacity of three nodes to one, by CPU",
      "at least 2.5",
      ({ spread: { one, three } }) => capacityOf(three) / capacityOf(one),
    ),
    row(
      "the same, if each follows all",
      "",
      ({ spread: { one, followed } }) => capacityOf(followed) / capacityOf(one),
    ),
    row(
      "memory of a followed job to a local one",
      "at most 1.1",
      ({ memory }) => memory.followed / memory.local,
    ),
    row("memory of a loaded job to a local one", "at most 1.1", ({ memory }) => memory.loaded / memory.local),
    row("1,000 watchers of a killed node are live again, s", "at most 10", ({ moved }) => moved.seconds),
    row("CPU s for that", "", ({ moved }) => moved.cpuSeconds),
    row("resets", "0", ({ moved }) => moved.resets),
  ]);
  console.dir(constantsOf(rounds));
}

function row(figure: string, target: string, of: (round: Round) => number): object {
  return { figure, target, reached: spread(rounds.map(of), 2) };
}

function throughputRow(inFlight: number, at: number): object {
  const over = (of: (run: Throughput) => number, digits = 1): string =>
    spread(
      rounds.map(({ throughput }) => of(throughput[at]!)),
      digits,
    );
  return {
    "in flight": inFlight,
    "changes/s": over(({ updates, seconds }) => updates / seconds, 0),
    "bare/s": over(({ updates, bareSeconds }) => updates / bareSeconds, 0),
    ratio: over(ofBare, 2),
    "changes per append": over(({ updates, appends }) => updates / appends, 0),
    "CPU µs: writer": over(({ alone, updates }) => alone.nodes[0]! / updates),
    follower: over(({ followed }) => followed.nodes[1]! / followed.updates),
    "in memory": over(({ localMicros }) => localMicros),
    engine: over(({ alone, updates }) => alone.cpuMicros / updates),
    "engine, followed": over(({ followed }) => followed.cpuMicros / followed.updates),
    "WAL bytes": over(({ alone, updates }) => alone.walBytes / updates, 0),
  };
}

function deliveryRow({ name }: Scenario, at: number): object {
  const over = (of: (run: Delivered) => number, digits = 1): string =>
    spread(
      rounds.map(({ delivered }) => of(delivered[at]!)),
      digits,
    );
  return {
    scenario: name,
    "p50 ms": over(({ p50 }) => p50),
    "p99 ms": over(({ p99 }) => p99),
    deliveries: over(({ deliveries }) => deliveries, 0),
    "CPU of the first node, %": over(({ cost }) => shareOf(cost.nodes[0]!, cost.seconds)),
    "of the last": over(({ cost }) => shareOf(cost.nodes.at(-1)!, cost.seconds)),
    "of the engine": over(({ cost }) => shareOf(cost.cpuMicros, cost.seconds)),
  };
}

function shareOf(micros: number, seconds: number): number {
  return micros / seconds / 10_000;
}

function ofBare({ seconds, bareSeconds }: Throughput): number {
  return bareSeconds / seconds;
}

function followedToMade({ alone, updates, followed }: Throughput): number {
  return followed.nodes[1]! / followed.updates / (alone.nodes[0]! / updates);
}
