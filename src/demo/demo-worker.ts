import { DEFAULT_DATABASE } from "../protocol/default-database.js";
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

/** The key of the demonstration job; its names are already normalized. */
export const DEMO_JOB = {
  database: DEFAULT_DATABASE as DatabaseName,
  username: "demo" as Username,
  jobId: "pagerank" as JobId,
} as const;

export interface DemoRun {
  readonly userTask: UserTask;
  /** Whether this call started it; false if it was already running. */
  readonly isNew: boolean;
}

/**
 * A worker inside the server that shows users without workers how progress looks. It runs one simulated job of 45 s at a
 * time, always under the same key. It reports like any worker, and stops when a cancel is requested.
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

  /** Stores and starts the job, or returns the running one. @throws TidemarkError */
  async start(): Promise<DemoRun> {
    if (this.#stopping.signal.aborted) throw unavailable("The server is stopping.");
    const isNew = this.#running === undefined;
    this.#running ??= this.#startJob().catch((error: unknown) => {
      this.#running = undefined;
      throw error;
    });
    return { userTask: (await this.#running).userTask, isNew };
  }

  /** Cancels the running job; resolves once it is stored as canceled. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const running = await this.#running?.catch(() => undefined);
    await running?.ended;
  }

  async #startJob(): Promise<Running> {
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

  /** Never rejects: the request was already answered. */
  async #play(store: TaskStore, userTask: UserTask): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stopping;
    try {
      for (const report of demoScript()) {
        await pause(clock, TICK_MS, signal);
        const now = signal.aborted ? undefined : await this.#report(store, userTask, report);
        if (now?.cancelRequest) return await this.#cancel(store, userTask, "canceled on request");
        if (signal.aborted) return await this.#cancel(store, userTask, "the server stopped");
      }
    } catch (error) {
      if (!isLostJob(error)) log.warn({ err: error }, "the demonstration job failed");
    }
  }

  async #cancel(store: TaskStore, userTask: UserTask, message: string): Promise<void> {
    const update: TaskUpdate = { path: "", status: "CANCELED", message };
    await this.#report(store, userTask, { updates: [update], log: [] });
  }

  #report(store: TaskStore, userTask: UserTask, report: DemoReport): Promise<UserTask | null> {
    return store.update(userTask, { ...report, attempt: userTask.attempt, requestId: null });
  }
}

interface Running {
  readonly userTask: UserTask;
  readonly ended: Promise<void>;
}

/** Whether another client removed, replaced or ended the job. */
function isLostJob(error: unknown): boolean {
  return error instanceof TidemarkError && LOST_JOB_CODES.has(error.code);
}

const LOST_JOB_CODES = new Set(["NOT_FOUND", "STALE_ATTEMPT", "ILLEGAL_TRANSITION"]);

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
