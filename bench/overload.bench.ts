import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { dataOf, graphqlPost, readMetric } from "../test/kit/network/raw-http.js";
import { startTidemark, type Tidemark } from "../test/kit/process/child-process.js";
import { rounded } from "./repeat.js";
import { ServerProcess } from "./server-process.js";

const { values: options } = parseArgs({
  options: { watchers: { type: "string", default: "1000" }, rounds: { type: "string" } },
});
const WATCHERS = Number(options.watchers);
const JOBS = 500;
const TASKS = 8;
const UPDATES_PER_SECOND = 100;
const WRITERS = 100;
const AWAY_MS = 10_000;
const PATIENCE_MS = 120_000;
const SETTLED_MS = 2_000;

const STORE = `mutation ($input: StoreTaskInput!) { storeTask(input: $input) { __typename } }`;
const UPDATE = `mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { __typename } }`;

/** A durable server that can be killed and restarted at the same address. */
class Stage implements AsyncDisposable {
  readonly url: string;
  readonly #flags: readonly string[];
  readonly #folder: string;
  #server: Tidemark;

  static async open(): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), "tidemark-overload-"));
    const flags = ["--store", `lmdb:${folder}`];
    return new Stage(await startTidemark(flags, { env: { NODE_ENV: "production" } }), flags, folder);
  }

  private constructor(server: Tidemark, flags: readonly string[], folder: string) {
    this.url = server.url;
    this.#server = server;
    this.#flags = flags;
    this.#folder = folder;
  }

  kill(): Promise<void> {
    return this.#server[Symbol.asyncDispose]() as Promise<void>;
  }

  async restart(): Promise<void> {
    this.#server = await startTidemark([...this.#flags, "--port", new URL(this.url).port]);
  }

  /** CPU time of the thread that runs the event loop, in milliseconds. */
  cpuMs(): number {
    const { pid } = this.#server.program;
    try {
      return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "latin1").split(" ")[0]) / 1e6;
    } catch {
      return 0; // it is down
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/**
 * Writers with a connection each, at a fixed rate, and one that opens a connection for each update. A latency is the CPU
 * time that the server spends between a request and its answer: on a core of its own, the request waits that long.
 */
class Load {
  readonly #stage: Stage;
  readonly #agents = Array.from({ length: WRITERS }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  readonly #ticker: NodeJS.Timeout;
  #sent = 0;
  latencies: number[] = [];
  newLatencies: number[] = [];

  constructor(stage: Stage) {
    this.#stage = stage;
    const began = performance.now();
    this.#ticker = setInterval(() => {
      while (this.#sent < ((performance.now() - began) / 1_000) * UPDATES_PER_SECOND) this.#send();
    }, 5);
  }

  clear(): void {
    [this.latencies, this.newLatencies] = [[], []];
  }

  stop(): void {
    clearInterval(this.#ticker);
    for (const agent of this.#agents) agent.destroy();
  }

  #send(): void {
    const number = this.#sent++;
    void this.#update(number, this.#agents[number % WRITERS]!, this.latencies);
    if (number % 10 === 0) void this.#update(number + 7, false, this.newLatencies);
  }

  /** A request that fails, as the server is down, does not count. */
  async #update(number: number, agent: Agent | false, latencies: number[]): Promise<void> {
    const input = {
      database: "d",
      username: "u",
      jobId: `job${(number * 7) % JOBS}`,
      updates: [{ path: String(number % TASKS), add: 1 }],
    };
    const { body, ...rest } = graphqlPost({ query: UPDATE, variables: { input } });
    const began = this.#stage.cpuMs();
    await new Promise<void>((resolve) => {
      const message = request(`${this.#stage.url}/graphql`, { agent, ...rest }, (response) => {
        response.resume().once("end", () => {
          latencies.push(this.#stage.cpuMs() - began);
          resolve();
        });
      });
      message.on("error", () => resolve());
      message.end(body);
    });
  }
}

const rows: object[] = [];
for (const [name, run] of Object.entries({ restart, cold, "network returns": networkReturns })) {
  await using stage = await Stage.open();
  await using audience = await ServerProcess.start("load/watchers.mjs");
  await storeJobs(stage.url);
  const load = new Load(stage);
  try {
    rows.push({ scenario: name, ...(await run(stage, audience, load)) });
  } finally {
    load.stop();
  }
  console.table(rows);
}

/** All watch; the server is killed and restarted; all resume. */
async function restart(stage: Stage, audience: ServerProcess, load: Load): Promise<object> {
  await audience.ask("open", { at: stage.url, count: WATCHERS });
  await settled(audience);
  await Promise.all([stage.kill(), audience.ask("lose")]);
  await stage.restart();
  return measured(stage, audience, load, () => audience.ask("reconnect"));
}

/** All subscribe at once without a position. */
async function cold(stage: Stage, audience: ServerProcess, load: Load): Promise<object> {
  await setTimeout(SETTLED_MS);
  return measured(stage, audience, load, () => audience.ask("open", { at: stage.url, count: WATCHERS }));
}

/** All lose the network, miss changes, and resume at once. */
async function networkReturns(stage: Stage, audience: ServerProcess, load: Load): Promise<object> {
  await audience.ask("open", { at: stage.url, count: WATCHERS });
  await settled(audience);
  await audience.ask("lose");
  await setTimeout(AWAY_MS);
  return measured(stage, audience, load, () => audience.ask("reconnect"));
}

async function settled(audience: ServerProcess): Promise<void> {
  await audience.ask("live", { withinMs: PATIENCE_MS });
  await setTimeout(SETTLED_MS);
}

async function measured(
  stage: Stage,
  audience: ServerProcess,
  load: Load,
  begin: () => Promise<unknown>,
): Promise<object> {
  const before = await countsOf(stage);
  load.clear();
  const began = performance.now();
  await begin();
  const { live, refused } = await audience.ask<{ live: number; refused: number }>("live", {
    withinMs: PATIENCE_MS,
  });
  const seconds = (performance.now() - began) / 1_000;
  const after = await countsOf(stage);
  return {
    live,
    seconds: rounded(seconds),
    "cpu s": rounded((after.cpu - before.cpu) / 1_000),
    told: after.told - before.told,
    "executed/told": rounded((after.executed - before.executed) / (after.told - before.told), 5),
    writes: load.latencies.length,
    "write p50": percentile(load.latencies, 0.5),
    p99: percentile(load.latencies, 0.99),
    max: percentile(load.latencies, 1),
    "new connection p50": percentile(load.newLatencies, 0.5),
    "its p99": percentile(load.newLatencies, 0.99),
    refused,
  };
}

interface Counts {
  readonly cpu: number;
  readonly executed: number;
  readonly told: number;
}

async function countsOf(stage: Stage): Promise<Counts> {
  const [executed, told] = await Promise.all(
    ["tidemark_events_executed_total", "tidemark_events_told_total"].map((series) =>
      readMetric(stage.url, series),
    ),
  );
  return { cpu: stage.cpuMs(), executed: executed!, told: told! };
}

function percentile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return rounded(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
}

async function storeJobs(url: string): Promise<void> {
  const subTasks = Array.from({ length: TASKS }, (_, at) => ({
    description: `part ${at}`,
    volume: 1_000_000,
  }));
  const inputs = Array.from({ length: JOBS }, (_, at) => ({
    database: "d",
    username: "u",
    jobId: `job${at}`,
    task: { description: "PageRank of customer-orders", subTasks },
  }));
  await Promise.all(inputs.map((input) => dataOf(url, STORE, { input })));
}
