/**
 * How a job reports its progress with nothing but `fetch`: store the task tree, send what changes, end the root.
 *
 * Reports are collected and sent together, so that a worker is not slowed down by being watched. `done` is absolute,
 * so a newer value replaces an older one that was not sent yet, and a report that arrives twice counts once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { JobOptions } from "./options.js";

const SEND_INTERVAL_MS = 100;
const ANSWER_TIMEOUT_MS = 10_000;
const BATCH_LENGTH_MAX = 100;
const MESSAGE_LENGTH_MAX = 1_000;

const STORE_TASK = `mutation StoreTask($input: StoreTaskInput!) {
  storeTask(input: $input) { userTask { database username jobId attempt } }
}`;
const UPDATE_TASK = `mutation UpdateTask($input: UpdateTaskInput!) {
  updateTask(input: $input) { userTask { cancelRequest { by } } }
}`;

/** A task of the tree to store: a leaf, or one with `subTasks`, or one that repeats the tasks of `iterations`. */
export type TaskInput = {
  readonly description: string;
  readonly volume?: number;
  readonly subTasks?: readonly TaskInput[];
  readonly iterations?: {
    readonly mode: string;
    readonly max?: number;
    readonly tasks: readonly TaskInput[];
  };
};

type TaskUpdate = {
  /** Child indexes joined by dots; empty for the root. */
  readonly path: string;
  readonly status?: "RUNNING" | "FINISHED" | "CANCELED" | "FAILED";
  /** Units of work done since the task began, not since the last report. */
  readonly done?: number;
  readonly volume?: number;
  readonly message?: string;
  /** The iteration that now begins, from 1. */
  readonly iteration?: number;
};

type LogLine = { readonly level: "INFO" | "WARNING"; readonly path: string; readonly message: string };
type Job = {
  readonly database: string;
  readonly username: string;
  readonly jobId: string;
  readonly attempt: number;
};
type Stored = { readonly storeTask: { readonly userTask: Job } };
type Updated = {
  readonly updateTask: { readonly userTask: { readonly cancelRequest: { readonly by: string } | null } };
};
type Answer<Data> = {
  readonly data?: Data | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
};

/** Waits as long as `--delay-ms` says, after sending what was collected; returns at once when it says 0. */
export type Pause = () => Promise<void>;

/**
 * Stores `task` and works it off: the root ends FINISHED when `work` returns, FAILED with the reason when it throws,
 * and CANCELED on SIGINT or when the server passes on a cancel request. Never throws: sets the exit code.
 */
export async function runJob(
  options: JobOptions,
  task: TaskInput,
  work: (reporter: Reporter, pause: Pause) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  // Not `once`: Ctrl-C reaches us several times, as the terminal, npm and tsx each pass it on.
  process.on("SIGINT", () => {
    process.exitCode = 130;
    stop.abort(new Error("Canceled by SIGINT"));
  });
  process.stdout.on("error", ({ message }) => stop.abort(new Error(`Nobody reads the output: ${message}`)));
  try {
    const reporter = await Reporter.storeTask(options, task, stop);
    const { database, username, jobId, attempt } = reporter.job;
    console.error(
      `Job ${jobId}, attempt ${attempt}, of ${username} in database ${database} at ${options.url}`,
    );
    await workOff(reporter, stop.signal, () =>
      work(reporter, () => pause(reporter, stop.signal, options.delayMs)),
    );
  } catch (error) {
    console.error(messageOf(error));
    process.exitCode ??= 1;
  }
}

async function workOff(reporter: Reporter, stop: AbortSignal, work: () => Promise<void>): Promise<void> {
  try {
    await work();
    await reporter.updateTask({ path: "", status: "FINISHED" });
  } catch (error) {
    const reason: unknown = stop.aborted ? stop.reason : error;
    await reporter
      .end(stop.aborted ? "CANCELED" : "FAILED", messageOf(reason))
      .catch((unreported: unknown) => console.error(`Its end was not reported. ${messageOf(unreported)}`));
    throw reason;
  }
}

async function pause(reporter: Reporter, stop: AbortSignal, delayMs: number): Promise<void> {
  if (delayMs === 0) return;
  await reporter.flush();
  await sleep(delayMs, undefined, { signal: stop });
}

/** Reports one job. Await every call before the next: so one request is under way at a time, and errors are yours. */
export class Reporter {
  readonly job: Job;
  readonly #url: string;
  readonly #stop: AbortController;
  #updates: TaskUpdate[] = [];
  #log: LogLine[] = [];
  #sentAtMs = 0;

  private constructor(url: string, job: Job, stop: AbortController) {
    this.#url = url;
    this.job = job;
    this.#stop = stop;
  }

  /** Stores the tree; one stored under the same job id is replaced. A cancel request will abort `stop`. */
  static async storeTask(
    { url, ...target }: JobOptions,
    task: TaskInput,
    stop: AbortController,
  ): Promise<Reporter> {
    const { database, username, jobId } = target;
    const { storeTask } = await request<Stored>(url, STORE_TASK, { database, username, jobId, task });
    return new Reporter(url, storeTask.userTask, stop);
  }

  /** A change: sent now when a task begins or ends by it, else 100 ms after the last sending. Throws once stopped. */
  async updateTask(update: TaskUpdate): Promise<void> {
    this.#stop.signal.throwIfAborted();
    const last = this.#updates.at(-1);
    if (last?.path === update.path) this.#updates.pop();
    this.#updates.push(last?.path === update.path ? { ...last, ...update } : update);
    await (update.status ? this.flush() : this.#flushWhenDue());
  }

  /** A line for the job's log, sent with the next updates. */
  async log(level: LogLine["level"], path: string, message: string): Promise<void> {
    this.#log.push({ level, path, message: message.slice(0, MESSAGE_LENGTH_MAX) });
    await this.#flushWhenDue();
  }

  /** Ends the root, with the reason. Unlike `updateTask` it reports also once stopped. */
  async end(status: "CANCELED" | "FAILED", reason: string): Promise<void> {
    this.#updates.push({ path: "", status, message: reason.slice(0, MESSAGE_LENGTH_MAX) });
    await this.flush();
  }

  /** Sends what was collected. */
  async flush(): Promise<void> {
    if (this.#updates.length + this.#log.length === 0) return;
    const input = { ...this.job, updates: this.#updates, log: this.#log };
    [this.#updates, this.#log, this.#sentAtMs] = [[], [], performance.now()];
    const { updateTask } = await request<Updated>(this.#url, UPDATE_TASK, input);
    const { cancelRequest } = updateTask.userTask;
    if (cancelRequest) this.#stop.abort(new Error(`Canceled at the request of ${cancelRequest.by}`));
  }

  async #flushWhenDue(): Promise<void> {
    const isFull = this.#updates.length >= BATCH_LENGTH_MAX || this.#log.length >= BATCH_LENGTH_MAX;
    if (isFull || performance.now() - this.#sentAtMs >= SEND_INTERVAL_MS) await this.flush();
  }
}

async function request<Data>(url: string, query: string, input: object): Promise<Data> {
  const { data, errors } = await post<Data>(url, { query, variables: { input } });
  const [error] = errors ?? [];
  if (error) throw new Error(`${error.message} (${error.extensions?.code ?? "no code"})`);
  if (!data) throw new Error(`What answers at ${url} is not Tidemark: start it with npm start`);
  return data;
}

async function post<Data>(url: string, body: object): Promise<Answer<Data>> {
  try {
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    // Safe as far as the server is a GraphQL server: its answer has the shape of the document sent.
    return (await response.json()) as Answer<Data>;
  } catch (cause) {
    throw new Error(`No answer from ${url} (${messageOf(cause)}): start it with npm start`, { cause });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
