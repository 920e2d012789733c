import { setTimeout } from "node:timers/promises";
import { ServerProcess } from "../server-process.js";
import { Cluster } from "./cluster.js";
import type { Engine } from "./engine.js";

export interface Moved {
  readonly watchers: number;
  /** From the kill until all have caught up on other nodes. */
  readonly seconds: number;
  /** CPU time of the other two nodes in this time, including the changes that go on. */
  readonly cpuSeconds: number;
  /** After the kill. */
  readonly resets: number;
  /** Connections that failed. */
  readonly failures: number;
}

const WATCHERS = 1_000;
const PER_SECOND = 100;
const JOBS = 500;
const RUN_MS = 2_000;
const PATIENCE_MS = 60_000;
const DATABASE = "d";

/** One of three nodes is killed while a worker reports to another one. */
export async function measureKilled(engine: Engine): Promise<Moved> {
  await using cluster = await Cluster.start(engine, 3);
  const [killed, second, third] = cluster.nodes as [ServerProcess, ServerProcess, ServerProcess];
  const task = { description: "part", volume: 1_000_000 };
  await second.ask("storeJobs", { database: DATABASE, users: 1, jobs: JOBS, task });
  await cluster.caughtUp(DATABASE);
  await using watchers = await ServerProcess.start("load/watchers.mjs");
  const others = [second.url, third.url];
  for (const list of [others, others.toReversed()])
    await watchers.ask("open", { at: killed.url, others: list, count: WATCHERS / 2 });
  await live(watchers);
  await using load = steadyLoad(second);
  await setTimeout(RUN_MS);
  const before = await live(watchers);
  const cpu = await cpuSeconds([second, third]);
  const began = performance.now();
  await killed[Symbol.asyncDispose]();
  await setTimeout(NOTICED_MS);
  const after = await live(watchers);
  const seconds = (performance.now() - began) / 1_000;
  const spent = (await cpuSeconds([second, third])) - cpu;
  await load.stop();
  if (after.live < WATCHERS) throw new Error(`Only ${after.live} watchers continued.`);
  const resets = after.resets - before.resets;
  return { watchers: WATCHERS, seconds, cpuSeconds: spent, resets, failures: after.refused };
}

async function cpuSeconds(nodes: readonly ServerProcess[]): Promise<number> {
  const micros = await Promise.all(nodes.map((node) => node.cpuMicros()));
  return micros.reduce((sum, each) => sum + each) / 1e6;
}

/** By then each watcher knows that its connection has ended. */
const NOTICED_MS = 100;

interface Live {
  readonly live: number;
  readonly resets: number;
  readonly refused: number;
}

function live(watchers: ServerProcess): Promise<Live> {
  return watchers.ask("live", { withinMs: PATIENCE_MS });
}

function steadyLoad(node: ServerProcess): AsyncDisposable & { stop(): Promise<void> } {
  let sent = 0;
  const answers: Promise<unknown>[] = [];
  const ticker = setInterval(() => {
    const jobId = `job${sent % JOBS}`;
    const updates = [{ path: "", done: ++sent }];
    answers.push(node.ask("update", { database: DATABASE, username: "user0", jobId, updates }));
  }, 1_000 / PER_SECOND);
  const stop = async (): Promise<void> => {
    clearInterval(ticker);
    await Promise.all(answers);
  };
  return { stop, [Symbol.asyncDispose]: stop };
}
