import { TidemarkError, unavailable } from "../protocol/tidemark-error.js";
import type { TaskStore } from "../store/task-store.js";
import type { TaskStoreProvider } from "../store/task-store-provider.js";
import type { DatabaseName, JobId, Username } from "../tasks/names.js";
import type { TaskUpdate } from "../tasks/task-update.js";
import type { UserTask } from "../tasks/user-task.js";
import type { Clock } from "../util/clock.js";
import type { Log } from "../util/log.js";
import { DEMO_MEMORY, DEMO_TREE, demoScript, TICK_MS, type DemoReport } from "./demo-script.js";

export interface DemoWorkerOptions {
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Which job it is; the names are as the parsers leave them. */
export const DEMO_JOB = {
  database: "demo" as DatabaseName,
  username: "demo" as Username,
  jobId: "pagerank" as JobId,
} as const;

/** A run of the demonstration job. */
export interface DemoRun {
  /** As it was stored. */
  readonly userTask: UserTask;
  /** Whether it was begun now; else it was running. */
  readonly isNew: boolean;
}

/**
 * A worker in the server itself, for who has none yet: it runs a made-up job for 45 s, one at a time and always under
 * the same name, so that however often it is asked for there is one. It reports as any worker does, and ends when a
 * cancel is requested.
 */
export class DemoWorker {
  readonly #provider: TaskStoreProvider;
  readonly #options: DemoWorkerOptions;
  readonly #stopping = new AbortController();
  #running: Promise<Running> | undefined;

  constructor(provider: TaskStoreProvider, options: DemoWorkerOptions) {
    this.#provider = provider;
    this.#options = options;
  }

  /** Stores the job and begins it; resolves with the one that runs if there is one. @throws TidemarkError */
  async start(): Promise<DemoRun> {
    if (this.#stopping.signal.aborted) throw unavailable("The server is stopping.");
    const isNew = this.#running === undefined;
    this.#running ??= this.#begin().catch((error: unknown) => {
      this.#running = undefined;
      throw error;
    });
    return { userTask: (await this.#running).userTask, isNew };
  }

  /** Cancels what runs; resolves when that is told. Stopping twice is harmless. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const running = await this.#running?.catch(() => undefined);
    await running?.ended;
  }

  async #begin(): Promise<Running> {
    const { leaseMs } = this.#options;
    const { store, release } = await this.#provider.retain(DEMO_JOB.database);
    const request = { ...DEMO_JOB, spec: DEMO_TREE, memory: DEMO_MEMORY, leaseMs };
    try {
      const userTask = await store.store({ ...request, onConflict: "OVERWRITE", requestId: null });
      const ended = this.#play(store, userTask).finally(() => {
        release();
        this.#running = undefined;
      });
      return { userTask, ended };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Never rejects: who would hear of it has had an answer. */
  async #play(store: TaskStore, userTask: UserTask): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stopping;
    try {
      for (const report of demoScript()) {
        await pause(clock, TICK_MS, signal);
        const now = signal.aborted ? undefined : await this.#tell(store, userTask, report);
        if (now?.cancelRequest) return await this.#cancel(store, userTask, "as was requested");
        if (signal.aborted) return await this.#cancel(store, userTask, "the server was stopped");
      }
    } catch (error) {
      if (!isLostJob(error)) log.warn({ err: error }, "the demonstration job was given up");
    }
  }

  async #cancel(store: TaskStore, userTask: UserTask, message: string): Promise<void> {
    const update: TaskUpdate = { path: "", status: "CANCELED", message };
    await this.#tell(store, userTask, { updates: [update], log: [] });
  }

  #tell(store: TaskStore, userTask: UserTask, report: DemoReport): Promise<UserTask | null> {
    return store.update(userTask, { ...report, attempt: userTask.attempt, requestId: null });
  }
}

interface Running {
  readonly userTask: UserTask;
  readonly ended: Promise<void>;
}

/** Removed, stored anew, or ended by somebody else. */
function isLostJob(error: unknown): boolean {
  return error instanceof TidemarkError && TAKEN_AWAY.has(error.code);
}

const TAKEN_AWAY = new Set(["NOT_FOUND", "STALE_ATTEMPT", "ILLEGAL_TRANSITION"]);

/** Resolves after `ms`, or when `signal` aborts. */
function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.schedule(ms, end);
    signal.addEventListener("abort", end);
  });
}
