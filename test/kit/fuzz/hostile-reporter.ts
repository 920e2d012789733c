/**
 * One reporter that does its worst against a server with its default limits: it stores the largest trees, lets them grow,
 * ends some of them, and sends the longest texts, while a well-behaved client reports and watches.
 */
import { setTimeout } from "node:timers/promises";
import { graphqlPost, graphqlResultOf, HttpConnection, type GraphqlRequest } from "../network/raw-http.js";
import { MeasuredServer } from "../server/measured-server.js";
import { ControlClient } from "./control-client.js";
import { FuzzRandom } from "./random.js";
import { FuzzTokens } from "./tokens.js";

export interface ReporterOptions {
  readonly seed: number;
  /** The run takes this many milliseconds, */
  readonly ms: number;
  /** and goes on until this many of its requests were rejected because the memory is full. */
  readonly rejections: number;
  /** The folder of the server's data. */
  readonly folder: string;
  /** The heap of the server; default: that of Node.js. */
  readonly heapMb?: number;
}

export interface ReporterReport {
  /** The requests that were accepted, and those that were rejected, by the code and limit of the error. */
  readonly answers: Readonly<Record<string, number>>;
  /** The longest stall of the server's event loop, and of the garbage collector in it, in milliseconds. */
  readonly stallMs: number;
  readonly collectedMs: number;
  /** Steps that the well-behaved client received, and the longest one in milliseconds. */
  readonly steps: number;
  readonly stepMsMax: number;
  readonly heap: number;
}

/** Rejects if the server ends or the well-behaved client is not served. */
export async function attackAsReporter(options: ReporterOptions): Promise<ReporterReport> {
  using tokens = new FuzzTokens();
  const flags = { ...tokens.flags, store: `lmdb:${options.folder}` };
  await using server = await MeasuredServer.start(flags, options);
  await using control = await ControlClient.start(server.url, tokens.good("control", "reporter"));
  await server.stall(); // resets the maximum
  const reporter = new HostileReporter(server.url, tokens.good("mallory", "reporter"), options);
  await Promise.race([reporter.attack(), control.failed]);
  const { ms, collectedMs } = await server.stall();
  const { heap } = await server.memory();
  const { steps, stepMsMax } = control;
  return { answers: reporter.answers, stallMs: ms, collectedMs, steps, stepMsMax, heap };
}

class HostileReporter {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #options: ReporterOptions;
  readonly #random: FuzzRandom;
  readonly #startedAt = performance.now();
  readonly answers: Record<string, number> = {};
  #jobs = 0;

  constructor(url: string, token: string, options: ReporterOptions) {
    this.#url = url;
    this.#headers = { authorization: `Bearer ${token}` };
    this.#options = options;
    this.#random = new FuzzRandom(options.seed);
  }

  async attack(): Promise<void> {
    await Promise.all(Array.from({ length: LANES }, () => this.#attackInLane()));
  }

  async #attackInLane(): Promise<void> {
    using connection = new HttpConnection(this.#url);
    while (!this.#isOver) {
      const { errors } = graphqlResultOf(
        await connection.request(graphqlPost(this.#request(), this.#headers)),
      );
      const extensions = errors?.[0]?.extensions ?? { code: "accepted" };
      const answer = [extensions["code"], extensions["limit"]].filter(Boolean).join(" ");
      this.answers[answer] = (this.answers[answer] ?? 0) + 1;
      await setTimeout(Number(extensions["retryAfterMs"] ?? 0));
    }
  }

  get #isOver(): boolean {
    const rejections = this.answers["LIMIT_EXCEEDED memoryMax"] ?? 0;
    return performance.now() - this.#startedAt >= this.#options.ms && rejections >= this.#options.rejections;
  }

  #request(): GraphqlRequest {
    const key = {
      database: "mallory",
      username: "mallory",
      jobId: `job-${this.#random.below(this.#jobs + 1)}`,
    };
    return this.#random.pick([
      () => this.#store(),
      () => this.#store(),
      () => this.#store(),
      () => growing(key),
      () => iterating(key, this.#random.below(400)),
      () => talking(key, this.#random.below(5_000)),
      () => ending(key),
    ])();
  }

  #store(): GraphqlRequest {
    const key = { database: "mallory", username: "mallory", jobId: `job-${++this.#jobs}` };
    const task = this.#random.pick([WIDE, WIDE, ITERATIVE, { description: "small", volume: 1 }]);
    return withInput("StoreTaskInput", "storeTask", { ...key, task });
  }
}

function growing(key: object): GraphqlRequest {
  return withInput("AddTasksInput", "addTasks", { ...key, path: "", tasks: leaves(500, "added") });
}

function iterating(key: object, iteration: number): GraphqlRequest {
  return withInput("UpdateTaskInput", "updateTask", {
    ...key,
    updates: [{ path: "0", iteration: iteration + 1 }],
  });
}

function talking(key: object, leaf: number): GraphqlRequest {
  const updates = Array.from({ length: 20 }, (_, at) => ({ path: `${leaf + at}`, message: LONG, done: at }));
  const log = Array.from({ length: 20 }, () => ({ message: LONG }));
  return withInput("UpdateTaskInput", "updateTask", { ...key, updates, log });
}

function ending(key: object): GraphqlRequest {
  return withInput("UpdateTaskInput", "updateTask", {
    ...key,
    updates: [{ path: "", status: "FAILED", message: LONG }],
  });
}

function withInput(type: string, mutation: string, input: object): GraphqlRequest {
  return {
    query: `mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename } }`,
    variables: { input },
  };
}

function leaves(count: number, description: string): object[] {
  return Array.from({ length: count }, (_, at) => ({ description: `${description} ${at}`, volume: 1_000 }));
}

const LANES = 4;
const LONG = "x".repeat(4_096);
const WIDE = { description: "wide", subTasks: leaves(9_999, "leaf") };
const ITERATIVE = {
  description: "iterative",
  subTasks: [{ description: "rounds", iterations: { mode: "OPEN", tasks: leaves(25, "round") } }],
};
