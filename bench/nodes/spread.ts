import { setTimeout } from "node:timers/promises";
import { jobsToStore, updateTaskBodies } from "../operations.js";
import { BENCH_DATABASE } from "../sample-jobs.js";
import { ServerProcess } from "../server-process.js";
import { Cluster, type Cost } from "./cluster.js";
import type { Engine } from "./engine.js";

export interface Spread {
  readonly nodes: number;
  readonly changes: number;
  readonly appends: number;
  readonly cost: Cost;
}

const DATABASES = 6;
const JOBS = 100;
/** Of each database, with one request in flight. */
const CONNECTIONS = 50;
const WARM_UP_MS = 2_000;
const RUN_MS = 4_000;

/**
 * As many `updateTask` over HTTP as the machine can do, to six databases.
 *
 * @param isFollowed whether every node serves every database, as it must where a load balancer chooses the node; otherwise
 * each database is served by one node
 */
export async function measureSpread(engine: Engine, nodes: number, isFollowed: boolean): Promise<Spread> {
  await using cluster = await Cluster.start(engine, nodes);
  await using client = await ServerProcess.start("load/http.mjs");
  const databases = Array.from({ length: DATABASES }, (_, at) => `${BENCH_DATABASE}${at}`);
  for (const [at, database] of databases.entries()) {
    const { url } = await homeOf(cluster, at, database);
    const bodies = updateTaskBodies(JOBS, 1_000).map((body) =>
      body.replace(`"${BENCH_DATABASE}"`, `"${database}"`),
    );
    await client.ask("start", { url, connections: CONNECTIONS, bodies });
  }
  if (isFollowed) for (const database of databases) await open(cluster, database);
  await setTimeout(WARM_UP_MS);
  const before = await Promise.all([client.ask<number>("count"), appends(engine, cluster)]);
  const { result: after, cost } = await cluster.spent([], async () => {
    await setTimeout(RUN_MS);
    return Promise.all([client.ask<number>("count"), appends(engine, cluster)]);
  });
  return { nodes, changes: after[0] - before[0], appends: after[1] - before[1], cost };
}

/** Stores the jobs of a database on its node. */
async function homeOf({ nodes }: Cluster, at: number, database: string): Promise<ServerProcess> {
  const home = nodes[at % nodes.length]!;
  await home.ask("storeJobs", { ...jobsToStore(JOBS), database });
  return home;
}

async function open({ nodes }: Cluster, database: string): Promise<void> {
  await Promise.all(nodes.map((node) => node.ask("state", { database })));
}

async function appends({ server }: Engine, { store }: Cluster): Promise<number> {
  const [row] = await server.query<{ count: number }>(
    "SELECT count(DISTINCT xmin::text)::int AS count FROM tidemark.entries",
    store,
  );
  return row!.count;
}
