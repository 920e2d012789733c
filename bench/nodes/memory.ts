import { jobsToStore } from "../operations.js";
import { BENCH_DATABASE } from "../sample-jobs.js";
import type { ServerProcess } from "../server-process.js";
import { Cluster, startServer } from "./cluster.js";
import type { Engine } from "./engine.js";

/** Bytes for each job. */
export interface JobMemory {
  /** Of a server with a journal in memory. */
  readonly local: number;
  /** Of the node that stored the jobs in PostgreSQL. */
  readonly writer: number;
  /** Of a node that followed while they were stored. */
  readonly follower: number;
  /** Of a node that loaded them afterwards. */
  readonly loaded: number;
}

const JOBS = 20_000;
/** So that what the first job needs does not count. */
const FIRST = { ...jobsToStore(100), database: `${BENCH_DATABASE}-first` };

/** The heap after garbage collection, for jobs of 20 tasks. The memory journal keeps no second copy of them. */
export async function measureMemory(engine: Engine): Promise<JobMemory> {
  await using cluster = await Cluster.start(engine, 3);
  await using memory = await startServer("memory:");
  const [writer, follower, loader] = cluster.nodes as [ServerProcess, ServerProcess, ServerProcess];
  await Promise.all([writer.ask("storeJobs", FIRST), memory.ask("storeJobs", FIRST)]);
  await cluster.caughtUp(FIRST.database);
  await follower.ask("state", { database: BENCH_DATABASE });
  const all = [memory, writer, follower, loader];
  const before = await Promise.all(all.map(heap));
  await memory.ask("storeJobs", jobsToStore(JOBS));
  await writer.ask("storeJobs", jobsToStore(JOBS));
  await cluster.caughtUp(BENCH_DATABASE);
  const after = await Promise.all(all.map(heap));
  const [local, ...nodes] = after.map((bytes, at) => (bytes - before[at]!) / JOBS);
  return { local: local!, writer: nodes[0]!, follower: nodes[1]!, loaded: nodes[2]! };
}

async function heap(node: ServerProcess): Promise<number> {
  await node.ask("memory"); // a second collection frees what the first one found
  return (await node.ask<{ heap: number }>("memory")).heap;
}
