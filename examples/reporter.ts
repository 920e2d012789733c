/**
 * How a job reports its progress with nothing but `fetch`: store the task tree, then send what changes.
 *
 * Changes are collected and sent together, so that being watched does not slow a worker down. `done` is
 * absolute: a newer value replaces one that was not sent yet, and a report that arrives twice counts once.
 */
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

/** A task to store: a leaf, or one with `subTasks`, or one that repeats the tasks of its `iterations`. */
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

type StoreTaskInput = {
  readonly database: string;
  /** The one that the server knows you as, when left out. */
  readonly username?: string | undefined;
  readonly jobId: string;
  readonly task: TaskInput;
};

type TaskUpdate = {
  /** Child indexes joined by dots; empty for the root. */
  readonly path: string;
  readonly status?: "RUNNING" | "FINISHED" | "CANCELED" | "FAILED";
  /** All work done so far, not what was done since the last report. */
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
type Stored = { storeTask: { userTask: Job } };
type Updated = { updateTask: { userTask: { cancelRequest: { by: string } | null } } };
type Answer<Data> = { data?: Data | null; errors?: { message: string; extensions?: { code?: string } }[] };

/**
 * Reports one job. Await each call before the next, so that one request is under way at a time. A call that sends
 * throws an Error with the server's message and code when the report is refused, and one with the remedy when no
 * server answers.
 */
export class Reporter {
  /** Abort it to stop the job: the next `updateTask` throws the reason. A cancel request aborts it too. */
  readonly stop = new AbortController();
  /** As the server names it; `attempt` keeps a worker that was replaced from reporting on its successor. */
  readonly job: Job;
  readonly #url: string;
  #updates: TaskUpdate[] = [];
  #log: LogLine[] = [];
  #sentAtMs = 0;

  private constructor(url: string, job: Job) {
    this.#url = url;
    this.job = job;
  }

  /** Stores a tree; one that was stored under the same job id is replaced. */
  static async storeTask(url: string, input: StoreTaskInput): Promise<Reporter> {
    const { storeTask } = await request<Stored>(url, STORE_TASK, input);
    return new Reporter(url, storeTask.userTask);
  }

  /** Sends a status at once, with all that was collected; other changes when the last sending is 100 ms ago. */
  async updateTask(update: TaskUpdate): Promise<void> {
    this.stop.signal.throwIfAborted();
    const last = this.#updates.at(-1);
    if (last?.path === update.path) this.#updates.splice(-1, 1, { ...last, ...update });
    else this.#updates.push(update);
    await (update.status ? this.flush() : this.#flushWhenDue());
  }

  /** Adds a line to the job's log; collected as updates are. */
  async log(level: LogLine["level"], path: string, message: string): Promise<void> {
    this.#log.push({ level, path, message: message.slice(0, MESSAGE_LENGTH_MAX) });
    await this.#flushWhenDue();
  }

  /** Ends the root, and what runs below it, for the reason given; also when the job was stopped. */
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
    if (cancelRequest) this.stop.abort(new Error(`Canceled at the request of ${cancelRequest.by}`));
  }

  async #flushWhenDue(): Promise<void> {
    const isFull = Math.max(this.#updates.length, this.#log.length) >= BATCH_LENGTH_MAX;
    if (isFull || performance.now() - this.#sentAtMs >= SEND_INTERVAL_MS) await this.flush();
  }
}

async function request<Data>(url: string, query: string, input: object): Promise<Data> {
  const body = JSON.stringify({ query, variables: { input } });
  const { data, errors } = await post<Data>(url, body).catch((cause: unknown) => {
    throw new Error(`No Tidemark server answers at ${url}: start it with npm start`, { cause });
  });
  const [error] = errors ?? [];
  if (error) throw new Error(`${error.message} (${error.extensions?.code ?? "no code"})`);
  if (!data) throw new Error(`What answers at ${url} is no Tidemark server: start it with npm start`);
  return data;
}

async function post<Data>(url: string, body: string): Promise<Answer<Data>> {
  const headers = { "content-type": "application/json" };
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const response = await fetch(`${url}/graphql`, { method: "POST", headers, body, signal });
  // Safe where a GraphQL server answers: its data has the shape of the document.
  return (await response.json()) as Answer<Data>;
}
