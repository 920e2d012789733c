import { jobsToStore } from "../operations.js";
import { BENCH_DATABASE } from "../sample-jobs.js";
import type { ServerProcess } from "../server-process.js";
import { Cluster } from "./cluster.js";
import type { Engine } from "./engine.js";

/** Bytes of heap for each job, after garbage collection. */
export interface JobMemory {
  /** Of the node that stored the jobs. */
  readonly local: number;
  /** Of a node that followed meanwhile. */
  readonly followed: number;
  /** Of a node that loaded them afterwards. */
  readonly loaded: number;
}

const JOBS = 20_000;
/** So that what the first job needs does not count. */
const FIRST = { ...jobsToStore(100), database: `${BENCH_DATABASE}-first` };

/** Jobs of 20 tasks. */
export async function measureMemory(engine: Engine): Promise<JobMemory> {
  await using cluster = await Cluster.start(engine, 3);
  const [writer, follower] = cluster.nodes as [ServerProcess, ServerProcess];
  await writer.ask("storeJobs", FIRST);
  await cluster.caughtUp(FIRST.database);
  await follower.ask("state", { database: BENCH_DATABASE });
  const before = await Promise.all(cluster.nodes.map(heap));
  await writer.ask("storeJobs", jobsToStore(JOBS));
  await cluster.caughtUp(BENCH_DATABASE);
  const after = await Promise.all(cluster.nodes.map(heap));
  const [local, followed, loaded] = after.map((bytes, at) => (bytes - before[at]!) / JOBS);
  return { local: local!, followed: followed!, loaded: loaded! };
}

async function heap(node: ServerProcess): Promise<number> {
  await node.ask("memory"); // a second collection frees what the first one found
  return (await node.ask<{ heap: number }>("memory")).heap;
}
