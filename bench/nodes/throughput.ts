import { BENCH_DATABASE, LEAF_PATHS } from "../sample-jobs.js";
import { jobsToStore } from "../operations.js";
import { BareClient, type Appends } from "./bare-client.js";
import { Cluster, startServer, type Cost, type State } from "./cluster.js";
import type { Engine } from "./engine.js";
import type { ServerProcess } from "../server-process.js";

/** How updates are sent: the number that is in flight. The store groups them. */
export const WAYS = [1, 100, 1_000];

export interface Throughput {
  readonly inFlight: number;
  readonly updates: number;
  readonly seconds: number;
  readonly appends: number;
  /** The size of an entry in the database, in bytes. */
  readonly entryBytes: number;
  /** How long a bare client took for the same inserts with the same grouping. */
  readonly bareSeconds: number;
  /** With one node. */
  readonly alone: Cost;
  /** With a second one, which follows. */
  readonly followed: Cost & { readonly updates: number };
  /** CPU time of the same updates by a server with a journal in memory, for each. */
  readonly localMicros: number;
}

/** Jobs of 20 tasks in one database. */
const JOBS = jobsToStore(1_000) as { readonly jobs: number; readonly users: number };
const WARM_UP_MS = 500;
/** Short, so that the bare client, whose turn is next, sees the same machine and disk. */
const RUN_MS = 1_000;

/** Updates through the store of one node, alone and followed by another one, and by a bare client. */
export async function measureThroughput(engine: Engine): Promise<readonly Throughput[]> {
  await using cluster = await Cluster.start(engine, 1);
  await using memory = await startServer("memory:");
  const [writer] = cluster.nodes as [ServerProcess];
  await Promise.all([writer, memory].map((node) => node.ask("storeJobs", JOBS)));
  await using bare = await BareClient.connect(cluster.store);
  const alone = [];
  for (const inFlight of WAYS) alone.push(await measureAlone(cluster, bare, memory, inFlight));
  await cluster.addNode();
  await cluster.caughtUp(BENCH_DATABASE);
  const all: Throughput[] = [];
  for (const figures of alone) all.push({ ...figures, followed: await measureFollowed(cluster, figures) });
  return all;
}

async function measureAlone(
  cluster: Cluster,
  bare: BareClient,
  memory: ServerProcess,
  inFlight: number,
): Promise<Omit<Throughput, "followed">> {
  const [writer] = cluster.nodes as [ServerProcess];
  await load(writer, inFlight, WARM_UP_MS);
  const { revision } = await writer.ask<State>("state", { database: BENCH_DATABASE });
  const { result, cost } = await cluster.spent([], () => load(writer, inFlight, RUN_MS));
  const appends = await bare.appendsAfter(revision);
  const local = await localMicros(memory, inFlight);
  const grouped = { appends: appends.length, entryBytes: bytesOf(appends) / result.updates };
  return {
    inFlight,
    ...result,
    ...grouped,
    bareSeconds: await bare.repeat(appends),
    alone: cost,
    localMicros: local,
  };
}

async function measureFollowed(
  cluster: Cluster,
  { inFlight }: { readonly inFlight: number },
): Promise<Throughput["followed"]> {
  const [writer] = cluster.nodes as [ServerProcess];
  await load(writer, inFlight, WARM_UP_MS);
  await cluster.caughtUp(BENCH_DATABASE);
  const { result, cost } = await cluster.spent([BENCH_DATABASE], () => load(writer, inFlight, RUN_MS));
  return { ...cost, updates: result.updates };
}

async function localMicros(memory: ServerProcess, inFlight: number): Promise<number> {
  await load(memory, inFlight, WARM_UP_MS);
  const before = await memory.cpuMicros();
  const { updates } = await load(memory, inFlight, RUN_MS);
  return ((await memory.cpuMicros()) - before) / updates;
}

function load(node: ServerProcess, inFlight: number, milliseconds: number): Promise<Loaded> {
  return node.ask("updateInFlight", { ...JOBS, paths: LEAF_PATHS, inFlight, milliseconds });
}

interface Loaded {
  readonly updates: number;
  readonly seconds: number;
}

function bytesOf(appends: Appends): number {
  return appends
    .flat()
    .reduce((sum, { body, job_key, commit_id }) => sum + body.length + job_key.length + commit_id.length, 0);
}
