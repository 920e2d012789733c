import { measureDelivery, type Delivered, type Scenario } from "./nodes/delivery.js";
import { Engine } from "./nodes/engine.js";
import { measureIdle, type Idle } from "./nodes/idle.js";
import { measureKilled, type Moved } from "./nodes/killed.js";
import { measureMemory, type JobMemory } from "./nodes/memory.js";
import { measureSpread, type Spread } from "./nodes/spread.js";
import { measureThroughput, WAYS, type Throughput } from "./nodes/throughput.js";
import { IS_PROFILING, ROUNDS, spread, writeResults } from "./rounds.js";

/** One watcher for the target; the others are points against which the cost model is checked. */
const SCENARIOS: readonly Scenario[] = [
  { name: "one watcher", nodes: 2, databases: 1, changesPerSecond: 200, watchers: { each: 1, on: "others" } },
  { name: "100 watchers", nodes: 2, databases: 1, changesPerSecond: 200, watchers: { each: 100, on: "others" } },
  { name: "3 databases", nodes: 3, databases: 3, changesPerSecond: 600, watchers: { each: 10, on: "all" } },
  { name: "12 databases", nodes: 3, databases: 12, changesPerSecond: 300, watchers: { each: 5, on: "all" } },
];

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
