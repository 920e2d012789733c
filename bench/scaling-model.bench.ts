/**
 * What it takes to serve many watchers and changes: on paper, by the constants that `npm run bench -- nodes` has measured
 * (results/nodes.json), and by a simulation with the same constants. The simulation is checked against the measured points
 * first: those of the delivery to other nodes.
 *
 *     npm run bench -- scaling-model
 */
import { readFileSync } from "node:fs";
import { constantsOf, walBytesOf, type Measured } from "./nodes/constants.js";
import { SCENARIOS, type Delivered, type Scenario } from "./nodes/delivery.js";
import { median, rounded } from "./repeat.js";
import { needOf, type Demand, type Need } from "./scaling/demand.js";
import { simulate, type Outcome, type Setup } from "./scaling/simulation.js";

const MILLION: Demand = {
  watchers: 1_000_000,
  changesPerSecond: 100_000,
  databases: 1_000,
  jobs: 1_000_000,
  eventsPerWatcher: 1,
  nodesPerDatabase: 2,
};

const DEMANDS: Readonly<Record<string, Demand>> = {
  "a team": { ...MILLION, watchers: 500, changesPerSecond: 200, databases: 5, jobs: 5_000 },
  "a company": {
    ...MILLION,
    watchers: 20_000,
    changesPerSecond: 5_000,
    databases: 100,
    jobs: 100_000,
    nodesPerDatabase: 3,
  },
  "a million watchers, an event in 10 s each": { ...MILLION, eventsPerWatcher: 0.1 },
  "a million watchers, an event a second": MILLION,
  "the same, each node serves half of all": { ...MILLION, nodesPerDatabase: 10 },
  "a million watchers, 100 events a second": { ...MILLION, eventsPerWatcher: 100 },
};

const { rounds } = JSON.parse(readFileSync(`${import.meta.dirname}/results/nodes.json`, "utf8")) as {
  readonly rounds: readonly Measured[]; // safe: as `nodes` writes it
};
const constants = constantsOf(rounds);

console.log("constants, microseconds of CPU:");
console.table(mapped({ node: constants.node, engine: engineCosts() }, roundedAll));
console.log("simulated, measured, error in %:");
console.table(Object.fromEntries(SCENARIOS.map((scenario, at) => [scenario.name, checked(scenario, at)])));
console.log("needed, with everything half used:");
console.table(mapped(DEMANDS, (demand) => shown(needOf(demand, constants))));
console.log("one primary with its nodes, simulated:");
console.table(
  mapped(DEMANDS, (demand) => {
    const { setup } = needOf(demand, constants);
    return { nodes: setup.nodes, databases: setup.databases, ...summary(simulate(setup, constants)) };
  }),
);

/** What the simulation says beside what was measured. */
function checked(scenario: Scenario, at: number): object {
  const measured = rounds.map(({ delivered }) => delivered[at]!);
  const middle = (of: (run: Delivered) => number): number => median(measured.map(of));
  const waits = {
    commitMs: middle(({ cost }) => cost.appendMs) - constants.engine.append / 1_000,
    pollMs: middle(({ cost }) => cost.pollMs),
  };
  const simulated = simulate(setupOf(scenario, waits), constants);
  const beside = (expected: number, of: (run: Delivered) => number): string => {
    const found = middle(of);
    return `${rounded(expected, 3)} ${rounded(found, 3)} ${Math.round((100 * (expected - found)) / found)}`;
  };
  return {
    "first node": beside(simulated.nodeShares[0]!, ({ cost }) => cost.nodes[0]! / cost.seconds / 1e6),
    "last node": beside(simulated.nodeShares.at(-1)!, ({ cost }) => cost.nodes.at(-1)! / cost.seconds / 1e6),
    engine: beside(simulated.engineCores, ({ cost }) => cost.cpuMicros / cost.seconds / 1e6),
    "appends/s": beside(simulated.appendsPerSecond, ({ cost }) => cost.appends / cost.seconds),
    "WAL kB/s": beside(
      simulated.walBytesPerSecond / 1_000,
      ({ cost }) => walBytesOf(cost) / cost.seconds / 1_000,
    ),
    "p50 ms": beside(simulated.p50, ({ p50 }) => p50),
    "p99 ms": beside(simulated.p99, ({ p99 }) => p99),
  };
}

/** @param waits for the engine, as measured: they depend on the disk and on the other work of the machine */
function setupOf(
  { nodes, databases, changesPerSecond, watchers: { each, on } }: Scenario,
  waits: Pick<Setup, "commitMs" | "pollMs">,
): Setup {
  return {
    nodes,
    databases,
    engineCores: 2,
    changesPerSecond,
    arrivals: "even",
    followers: nodes - 1,
    sharesWrites: true,
    deliveriesAtHome: on === "all" ? each : 0,
    deliveriesAtFollower: each,
    ...waits,
    seconds: 10,
  };
}

function shown(need: Need): object {
  return {
    nodes: need.nodes,
    "node cores": rounded(need.nodeCores),
    primaries: need.primaries,
    "engine cores": rounded(need.engineCores, 2),
    "appends/s": Math.round(need.appendsPerSecond),
    "changes/append": rounded(need.changesPerAppend),
    "WAL MB/s": rounded(need.walBytesPerSecond / 1e6),
    "entries GB": rounded(need.entryBytes / 1e9),
    "heap MB/node": Math.round(need.heapBytes / 1e6),
    connections: need.connections,
  };
}

function summary(outcome: Outcome): object {
  return {
    "node share": rounded(median(outcome.nodeShares), 2),
    "engine cores": rounded(outcome.engineCores, 2),
    "appends/s": Math.round(outcome.appendsPerSecond),
    "WAL MB/s": rounded(outcome.walBytesPerSecond / 1e6),
    "p50 ms": rounded(outcome.p50),
    "p99 ms": rounded(outcome.p99),
  };
}

function engineCosts(): object {
  const { walBytes, ...costs } = constants.engine;
  return { ...costs, "WAL bytes: append": walBytes.append, "WAL bytes: change": walBytes.change };
}

function roundedAll(costs: object): object {
  const numbers = Object.entries(costs).filter(([, cost]) => typeof cost === "number");
  return Object.fromEntries(numbers.map(([name, cost]) => [name, rounded(cost, 2)]));
}

function mapped<T, R>(record: Readonly<Record<string, T>>, map: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}
