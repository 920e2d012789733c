import { setTimeout } from "node:timers/promises";
import { jobsToStore, updateTaskBodies } from "../operations.js";
import { BENCH_DATABASE } from "../sample-jobs.js";
import { ServerProcess } from "../server-process.js";
import { Cluster, type Cost } from "./cluster.js";
import type { Engine } from "./engine.js";

/** Each node in its turn takes as many changes of its databases as it can. The machine has fewer cores than there are nodes. */
export type Spread = readonly Turn[];

export interface Turn {
  readonly changes: number;
  readonly cost: Cost;
}

/** So that each node has the same load, whether it is alone or not. */
const DATABASES_PER_NODE = 2;
const JOBS = 100;
/** Of each database, with one request in flight. */
const CONNECTIONS = 50;
const WARM_UP_MS = 1_500;
const RUN_MS = 2_000;

/**
 * `updateTask` over HTTP to two databases for each node.
 *
 * @param isFollowed whether every node serves every database, as it must where a load balancer chooses the node; otherwise
 * each database is served by one node
 */
export async function measureSpread(engine: Engine, nodes: number, isFollowed: boolean): Promise<Spread> {
  await using cluster = await Cluster.start(engine, nodes);
  const databases = Array.from({ length: DATABASES_PER_NODE * nodes }, (_, at) => `${BENCH_DATABASE}${at}`);
  for (const [at, database] of databases.entries())
    await cluster.nodes[at % nodes]!.ask("storeJobs", { ...jobsToStore(JOBS), database });
  if (isFollowed) for (const database of databases) await cluster.caughtUp(database);
  const turns: Turn[] = [];
  for (const [home, { url }] of cluster.nodes.entries()) {
    const own = databases.filter((_, at) => at % nodes === home);
    turns.push(await measureTurn(cluster, url, own));
  }
  return turns;
}

/**
 * What the nodes could do together with a core each, if each took the same part of the changes: per second. A node spends its
 * time on its own part, and on what it follows of those of the others.
 */
export function capacityOf(turns: Spread): number {
  const perNode = turns.map((_, node) =>
    turns.reduce((sum, { cost, changes }) => sum + cost.nodes[node]! / changes, 0),
  );
  return (turns.length * 1e6) / Math.max(...perNode);
}

async function measureTurn(cluster: Cluster, url: string, databases: readonly string[]): Promise<Turn> {
  await using client = await ServerProcess.start("load/http.mjs");
  for (const database of databases) {
    const bodies = updateTaskBodies(JOBS, 1_000).map((body) =>
      body.replace(`"${BENCH_DATABASE}"`, `"${database}"`),
    );
    await client.ask("start", { url, connections: CONNECTIONS, bodies });
  }
  await setTimeout(WARM_UP_MS);
  const before = await client.ask<number>("count");
  const { result: after, cost } = await cluster.spent([], async () => {
    await setTimeout(RUN_MS);
    return client.ask<number>("count");
  });
  return { changes: after - before, cost };
}
