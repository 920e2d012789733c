import { ServerProcess } from "../server-process.js";
import type { Contender } from "./contenders.js";
import { DATABASE, keyOf, MARK_TASK, microsNow, TASK, WATCH } from "./watch.mjs";

/** Events to publish in the server's process, and what must come of them. */
export interface Burst {
  readonly events: number;
  /** How many are published in one turn of the event loop. */
  readonly perTurn: number;
  /** To how many subscribers each goes. */
  readonly readers: number;
}

export interface SubscriberPoolOptions {
  readonly subscribers: number;
  /** Not fewer than events are published at once: two changes of one job may be told as one. */
  readonly jobs: number;
  /** Who have the jobs in turn; default as many as jobs. */
  readonly users?: number;
  /** Whether each subscriber asks for another user's jobs; default false: each asks for all. */
  readonly isFiltered?: boolean;
}

/** A server in a process of its own, and its subscribers in another. */
export class SubscriberPool implements AsyncDisposable {
  readonly server: ServerProcess;
  readonly #subscribers: ServerProcess;
  readonly #options: SubscriberPoolOptions & { readonly users: number };

  /** Resolves when all have subscribed and were told what there was to tell. */
  static async open(
    { script, args = [] }: Contender,
    options: SubscriberPoolOptions,
  ): Promise<SubscriberPool> {
    const { jobs, users = jobs, subscribers } = options;
    const server = await ServerProcess.start(script, { args, execArgv: ["--no-warnings"] });
    await server.ask("storeJobs", { database: DATABASE, users, jobs: jobs + 1, task: MARK_TASK });
    await server.ask("storeJobs", { database: DATABASE, users, jobs, task: TASK });
    const audience = new SubscriberPool(server, await ServerProcess.start("delivery/subscribers.mjs"), {
      ...options,
      users,
    });
    await audience.join(subscribers);
    return audience;
  }

  private constructor(
    server: ServerProcess,
    subscribers: ServerProcess,
    options: SubscriberPoolOptions & { readonly users: number },
  ) {
    this.server = server;
    this.#subscribers = subscribers;
    this.#options = options;
  }

  /** More subscribe. */
  async join(count: number): Promise<void> {
    const filter = this.#options.isFiltered ? { username: "user$" } : {};
    const variables = { database: DATABASE, ...filter };
    const url = `${this.server.url}/graphql`;
    await this.#subscribers.ask("open", { url, count, query: WATCH, variables });
    await this.#subscribers.ask("quiet");
  }

  /** CPU time of the server for a burst, until all of it has come to all: microseconds. Repeated for at least `leastMicros`. */
  async cpuMicros(burst: Burst, leastMicros: number): Promise<{ micros: number; bursts: number }> {
    const before = await this.server.cpuMicros();
    for (let bursts = 1; ; bursts++) {
      await this.deliver(burst);
      const micros = (await this.server.cpuMicros()) - before;
      if (micros >= leastMicros) return { micros, bursts };
    }
  }

  async deliver({ events, perTurn, readers }: Burst): Promise<void> {
    const { jobs, users } = this.#options;
    await Promise.all([
      this.#subscribers.ask("received", { what: "events", count: events * readers, withinMs: PATIENCE_MS }),
      this.server.ask("publish", { events, perTurn, jobs, users }),
    ]);
  }

  /** Bytes that the server takes once all that can be collected is: twice, as some goes in the first pass only. */
  async memory(): Promise<{ readonly rss: number; readonly heap: number }> {
    await this.server.ask("memory");
    await this.quiet();
    return this.server.ask("memory");
  }

  /** Changes the job that ends a run. Resolves with how many events everybody was told before it. */
  async mark(withinMs = PATIENCE_MS): Promise<number> {
    const { jobs, users, subscribers } = this.#options;
    const updates = [{ path: "", done: microsNow() }];
    await this.server.ask("update", { database: DATABASE, ...keyOf(jobs, users), updates });
    const given = { what: "marks", count: subscribers, withinMs };
    return (await this.#subscribers.ask<{ events: number }>("received", given)).events;
  }

  /** Begins to note how long events take. */
  async time(): Promise<void> {
    await this.#subscribers.ask("time");
  }

  /** What events took since `time`, milliseconds. */
  times(): Promise<{ readonly count: number; readonly p50: number; readonly p99: number }> {
    return this.#subscribers.ask("times");
  }

  /** The latest event that the first subscriber was told. */
  async latest(): Promise<{ readonly payload: { readonly data: { readonly taskEvents: object } } }> {
    return JSON.parse(await this.#subscribers.ask<string>("latest")) as Awaited<
      ReturnType<SubscriberPool["latest"]>
    >;
  }

  async quiet(): Promise<void> {
    await this.#subscribers.ask("quiet");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.server[Symbol.asyncDispose](), this.#subscribers[Symbol.asyncDispose]()]);
  }
}

/** How long a burst may take. */
const PATIENCE_MS = 120_000;
