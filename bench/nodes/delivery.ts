import { setTimeout } from "node:timers/promises";
import { DATABASE, TASK, WATCH } from "../delivery/watch.mjs";
import { ServerProcess } from "../server-process.js";
import { Cluster, type Cost } from "./cluster.js";
import type { Engine } from "./engine.js";

/** Reports over HTTP at a fixed rate, and watchers over WebSockets. */
export interface Scenario {
  readonly name: string;
  readonly nodes: number;
  /** Each is reported to by one node: they take turns. */
  readonly databases: number;
  /** Of all databases together. */
  readonly changesPerSecond: number;
  /** Of each database on each node: `others` do not count the node that it is reported to. */
  readonly watchers: { readonly each: number; readonly on: "all" | "others" };
}

export interface Delivered {
  readonly cost: Cost;
  readonly changes: number;
  readonly deliveries: number;
  /** From the moment when a report was due until a watcher has the event, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** One watcher for the target; the others are points against which the cost model is checked. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "one watcher", nodes: 2, databases: 1, changesPerSecond: 200, watchers: { each: 1, on: "others" } },
  {
    name: "100 watchers",
    nodes: 2,
    databases: 1,
    changesPerSecond: 200,
    watchers: { each: 100, on: "others" },
  },
  { name: "3 databases", nodes: 3, databases: 3, changesPerSecond: 600, watchers: { each: 10, on: "all" } },
  { name: "12 databases", nodes: 3, databases: 12, changesPerSecond: 300, watchers: { each: 5, on: "all" } },
];

/** Jobs of each database, each with a worker of its own. */
const WORKERS = 50;
const WARM_UP_SECONDS = 3;
const SECONDS = 10;
const PATIENCE_MS = 1_000;

export async function measureDelivery(engine: Engine, scenario: Scenario): Promise<Delivered> {
  const { nodes, changesPerSecond: perSecond } = scenario;
  await using cluster = await Cluster.start(engine, nodes);
  await using workers = await ServerProcess.start("delivery/mutations.mjs");
  await using watchers = await ServerProcess.start("delivery/subscribers.mjs");
  const databases = Array.from({ length: scenario.databases }, (_, at) => `${DATABASE}${at}`);
  for (const [at, database] of databases.entries()) {
    const home = cluster.nodes[at % nodes]!;
    await home.ask("storeJobs", { database, users: WORKERS, jobs: WORKERS, task: TASK });
    await workers.ask("open", { url: home.url, count: WORKERS, database });
    await openWatchers(watchers, cluster, home, database, scenario);
  }
  await workers.ask("reportAtRate", { perSecond, seconds: WARM_UP_SECONDS });
  await watchers.ask("quiet");
  await watchers.ask("time");
  const { cost } = await cluster.spent([], () =>
    workers.ask("reportAtRate", { perSecond, seconds: SECONDS }),
  );
  await setTimeout(PATIENCE_MS);
  const { count, p50, p99 } = await watchers.ask<{ count: number; p50: number; p99: number }>("times");
  return { cost, changes: perSecond * SECONDS, deliveries: count, p50, p99 };
}

async function openWatchers(
  watchers: ServerProcess,
  { nodes }: Cluster,
  home: ServerProcess,
  database: string,
  { watchers: { each, on } }: Scenario,
): Promise<void> {
  const watched = on === "all" ? nodes : nodes.filter((node) => node !== home);
  for (const { url } of watched)
    await watchers.ask("open", { url: `${url}/graphql`, count: each, query: WATCH, variables: { database } });
}
