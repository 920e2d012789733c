import { ServerProcess } from "../server-process.js";
import type { Contender } from "./contenders.js";
import { DATABASE, keyOf, MARK_TASK, microsNow, TASK, WATCH } from "./watch.mjs";

/** Events to publish in the server's process. */
export interface Burst {
  readonly events: number;
  /** Events per turn of the event loop. */
  readonly perTurn: number;
  /** The number of subscribers that receive each event. */
  readonly readers: number;
}

export interface SubscriberPoolOptions {
  readonly subscribers: number;
  /** At least the number of events in a burst, as two changes of one job may be merged. */
  readonly jobs: number;
  /** The users, who own the jobs in turn. Default: one per job. */
  readonly users?: number;
  /** Whether each subscriber watches the jobs of a different user. Default: all watch all jobs. */
  readonly isFiltered?: boolean;
}

/** A server in one process and its subscribers in another. */
export class SubscriberPool implements AsyncDisposable {
  readonly server: ServerProcess;
  readonly #subscribers: ServerProcess;
  readonly #options: SubscriberPoolOptions & { readonly users: number };

  /** Resolves when all have subscribed and received the snapshot. */
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

  /** Adds subscribers. */
  async join(count: number): Promise<void> {
    const filter = this.#options.isFiltered ? { username: "user$" } : {};
    const variables = { database: DATABASE, ...filter };
    const url = `${this.server.url}/graphql`;
    await this.#subscribers.ask("open", { url, count, query: WATCH, variables });
    await this.#subscribers.ask("quiet");
  }

  /** CPU time of the server until all subscribers have received a burst, in microseconds. Repeated for at least `leastMicros`. */
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

  /** The server's memory after garbage collection, in bytes. Collects twice, as the first pass does not free all. */
  async memory(): Promise<{ readonly rss: number; readonly heap: number }> {
    await this.server.ask("memory");
    await this.quiet();
    return this.server.ask("memory");
  }

  /** Changes the job that ends a run. Resolves with the number of events that all subscribers received before it. */
  async mark(withinMs = PATIENCE_MS): Promise<number> {
    const { jobs, users, subscribers } = this.#options;
    const updates = [{ path: "", done: microsNow() }];
    await this.server.ask("update", { database: DATABASE, ...keyOf(jobs, users), updates });
    const given = { what: "marks", count: subscribers, withinMs };
    return (await this.#subscribers.ask<{ events: number }>("received", given)).events;
  }

  /** Starts to record latencies. */
  async time(): Promise<void> {
    await this.#subscribers.ask("time");
  }

  /** The latencies since `time`, in milliseconds. */
  times(): Promise<{ readonly count: number; readonly p50: number; readonly p99: number }> {
    return this.#subscribers.ask("times");
  }

  /** The latest event that the first subscriber received. */
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

const PATIENCE_MS = 120_000;
