import { setTimeout } from "node:timers/promises";
import { readMetric } from "../../test/kit/network/raw-http.js";
import { ServerProcess } from "../server-process.js";
import type { Engine, EngineCost } from "./engine.js";

/** What was spent between two moments. */
export interface Cost extends EngineCost {
  /** CPU time of each node, in microseconds. */
  readonly nodes: readonly number[];
  /** How often each node asked the engine what is new. */
  readonly polls: readonly number[];
  /** How often they wrote. */
  readonly appends: number;
  /** How long an append and a poll waited for the engine, on average. */
  readonly appendMs: number;
  readonly pollMs: number;
  readonly seconds: number;
}

/** Servers that share a new database of a PostgreSQL. */
export class Cluster implements AsyncDisposable {
  readonly store: string;
  readonly nodes: ServerProcess[] = [];
  readonly #engine: Engine;

  static async start(engine: Engine, nodes: number): Promise<Cluster> {
    const cluster = new Cluster(engine, await engine.server.createDatabase());
    for (let at = 0; at < nodes; at++) await cluster.addNode();
    return cluster;
  }

  private constructor(engine: Engine, store: string) {
    this.#engine = engine;
    this.store = store;
  }

  async addNode(): Promise<ServerProcess> {
    const node = await startServer(this.store);
    this.nodes.push(node);
    return node;
  }

  /** What the nodes and the engine spend until `work` is done and all nodes that serve `databases` have caught up. */
  async spent<T>(
    databases: readonly string[],
    work: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly cost: Cost }> {
    const before = await this.#look();
    const result = await work();
    for (const database of databases) await this.caughtUp(database);
    const after = await this.#look();
    const polls = after.polls.map((count, at) => count - before.polls[at]!);
    const appends = after.appends - before.appends;
    const cost = {
      nodes: after.nodes.map((micros, at) => micros - before.nodes[at]!),
      polls,
      appends,
      appendMs: (1_000 * (after.appendSeconds - before.appendSeconds)) / appends,
      pollMs: (1_000 * (after.pollSeconds - before.pollSeconds)) / sum(polls),
      seconds: (after.at - before.at) / 1_000,
      cpuMicros: after.engine.cpuMicros - before.engine.cpuMicros,
      walBytes: after.engine.walBytes - before.engine.walBytes,
      fullPages: after.engine.fullPages - before.engine.fullPages,
    };
    return { result, cost };
  }

  /** Opens the database on all nodes, and resolves when they are at the same revision. */
  async caughtUp(database: string): Promise<void> {
    for (;;) {
      const states = await Promise.all(this.nodes.map((node) => node.ask<State>("state", { database })));
      if (states.every(({ revision }) => revision === states[0]!.revision)) return;
      await setTimeout(CATCH_UP_POLL_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
  }

  async #look(): Promise<Look> {
    const counts = (name: string): Promise<number[]> =>
      Promise.all(this.nodes.map(({ url }) => readMetric(url, `tidemark_engine_${name}_total`)));
    return {
      polls: await counts("polls"),
      pollSeconds: sum(await counts("poll_seconds")),
      appends: sum(await counts("appends")),
      appendSeconds: sum(await counts("append_seconds")),
      nodes: await Promise.all(this.nodes.map((node) => node.cpuMicros())),
      engine: await this.#engine.cost(),
      at: performance.now(),
    };
  }
}

interface Look {
  readonly polls: readonly number[];
  readonly pollSeconds: number;
  readonly appends: number;
  readonly appendSeconds: number;
  readonly nodes: readonly number[];
  readonly engine: EngineCost;
  readonly at: number;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

export interface State {
  readonly revision: number;
  readonly jobs: number;
}

const CATCH_UP_POLL_MS = 50;

export function startServer(store: string): Promise<ServerProcess> {
  const flags = { store, keepAlive: "10m", idle: "1h" };
  return ServerProcess.start("tidemark.mjs", {
    args: [JSON.stringify(flags)],
    execArgv: ["--no-warnings"],
  });
}
