import { setTimeout } from "node:timers/promises";
import { TASK } from "../delivery/watch.mjs";
import type { ServerProcess } from "../server-process.js";
import { Cluster, startServer } from "./cluster.js";
import type { Engine } from "./engine.js";

/** What a node costs that has nothing to do. */
export interface Idle {
  readonly databases: number;
  /** CPU time for a second, in microseconds: of the node, of a server with a journal in memory, and of the engine. */
  readonly nodeMicros: number;
  readonly memoryMicros: number;
  readonly engineMicros: number;
  readonly pollsPerSecond: number;
  /** Of the node's process. */
  readonly residentBytes: number;
}

const RUN_MS = 5_000;
const SETTLED_MS = 2_000;

export async function measureIdle(engine: Engine, databases: number): Promise<Idle> {
  await using cluster = await Cluster.start(engine, 1);
  const [node] = cluster.nodes as [ServerProcess];
  for (let at = 0; at < databases; at++)
    await node.ask("storeJobs", { database: `graphs${at}`, users: 1, jobs: 1, task: TASK });
  await using memory = await startServer("memory:");
  await setTimeout(SETTLED_MS);
  const before = await memory.cpuMicros();
  const { cost } = await cluster.spent([], () => setTimeout(RUN_MS));
  const memoryMicros = ((await memory.cpuMicros()) - before) / cost.seconds;
  const { rss } = await node.ask<{ rss: number }>("memory");
  const [[micros], [polls]] = [cost.nodes as [number], cost.polls as [number]];
  return {
    databases,
    nodeMicros: micros / cost.seconds,
    memoryMicros,
    engineMicros: cost.cpuMicros / cost.seconds,
    pollsPerSecond: polls / cost.seconds,
    residentBytes: rss,
  };
}
