import { expect } from "vitest";
import type { AppOptions } from "../../src/app.js";
import type { Health, LogLevel } from "../../src/tasks/user-task.js";
import type { TaskSpec } from "../../src/tasks/task-spec.js";
import type { TaskStatus } from "../../src/tasks/task-status.js";
import type { TaskUpdate } from "../../src/tasks/task-update.js";
import type { IterationMode, TaskKind } from "../../src/tasks/task.js";
import { leaf } from "../kit/store/edits.js";
import { GraphqlClient, type GraphqlResponse, type Variables } from "../kit/network/graphql-client.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { startServer, type TestServer } from "../kit/server/server.js";

/**
 * Starts a real server, and wraps mutations and queries of the API as methods. By default they use the job "job"
 * of the anonymous user in the database "neo4j", and store a leaf of 10 units. Errors are thrown.
 *
 *     await using api = await openApi();
 *     await api.storeTask({ task: branch("root", leaf("a", 10), leaf("b")) });
 *     const job = await api.update({ path: "0", done: 4 });
 *     expect(taskOf(job, "0").progress.percent).toBe("40%");
 *
 * The time is `START` until the test advances `api.clock`.
 */
export async function openApi(
  flags: Readonly<Record<string, unknown>> = {},
  options: AppOptions = {},
): Promise<Api> {
  const clock = new ManualClock(START);
  const server = await startServer(flags, { clock, ...options });
  return new Api(server, clock);
}

/** 2024-06-01T12:00:00.000Z */
const START = Date.UTC(2024, 5, 1, 12);

/** The instant `ms` after `START`, as the API formats it. */
export function instant(ms = 0): string {
  return new Date(START + ms).toISOString();
}

export class Api implements AsyncDisposable {
  readonly server: TestServer;
  readonly clock: ManualClock;
  readonly client: GraphqlClient;

  constructor(server: TestServer, clock: ManualClock) {
    this.server = server;
    this.clock = clock;
    this.client = new GraphqlClient(server.url);
  }

  async storeTask(input: StoreTaskInput = {}): Promise<StoreTaskPayload> {
    const { storeTask } = await this.client.data<{ storeTask: StoreTaskPayload }>(STORE_TASK, {
      input: { ...JOB_NAMES, task: leaf("task", 10), ...input },
    });
    return storeTask;
  }

  /** Stores up to 30 jobs in order, in one request that selects no fields of them. */
  async storeTasks(inputs: readonly StoreTaskInput[]): Promise<void> {
    const complete = inputs.map((input) => ({ ...JOB_NAMES, task: leaf("task", 10), ...input }));
    const variables = Object.fromEntries(complete.map((input, index) => [`input${index}`, input]));
    await this.client.data(storeTasksDocument(inputs.length), variables);
  }

  async updateTask(input: UpdateTaskInput = {}): Promise<ApiJob> {
    return this.#job("updateTask", UPDATE_TASK, input);
  }

  /** `updateTask` with updates only. */
  async update(...updates: readonly Partial<TaskUpdate>[]): Promise<ApiJob> {
    return this.updateTask({ updates });
  }

  async updateTasks(inputs: readonly UpdateTaskInput[]): Promise<UpdateTaskResult[]> {
    const { updateTasks } = await this.client.data<{ updateTasks: UpdateTaskResult[] }>(UPDATE_TASKS, {
      inputs: inputs.map((input) => ({ ...JOB_NAMES, ...input })),
    });
    return updateTasks;
  }

  async addTasks(input: AddTasksInput = {}): Promise<ApiJob> {
    return this.#job("addTasks", ADD_TASKS, { tasks: [leaf("added", 10)], ...input });
  }

  async removeTask(input: JobMutationInput = {}): Promise<ApiJob | null> {
    return this.#job("removeTask", REMOVE_TASK, input);
  }

  async requestCancel(input: RequestCancelInput = {}): Promise<ApiJob> {
    return this.#job("requestCancel", REQUEST_CANCEL, input);
  }

  /** Returns the number of removed jobs. */
  async purgeDatabase(database = "neo4j"): Promise<number> {
    const { purgeDatabase } = await this.client.data<{ purgeDatabase: { removed: number } }>(PURGE_DATABASE, {
      database,
    });
    return purgeDatabase.removed;
  }

  async task(names: JobNames = {}): Promise<ApiJob | null> {
    const { task } = await this.client.data<{ task: ApiJob | null }>(TASK, { ...TASK_NAMES, ...names });
    return task;
  }

  async taskCount(filter: CountFilter = {}): Promise<number> {
    const { taskCount } = await this.client.data<{ taskCount: number }>(TASK_COUNT, {
      database: "neo4j",
      ...filter,
    });
    return taskCount;
  }

  async tasks(args: ConnectionArguments = {}): Promise<Connection> {
    const { tasks } = await this.client.data<{ tasks: Connection }>(TASKS, { database: "neo4j", ...args });
    return tasks;
  }

  async listProgress(
    args: { database?: string; jobId?: string | null; first?: number } = {},
  ): Promise<ProgressRow[]> {
    const { listProgress } = await this.client.data<{ listProgress: ProgressRow[] }>(LIST_PROGRESS, {
      database: "neo4j",
      ...args,
    });
    return listProgress;
  }

  /** Names of the listed databases. */
  async databaseNames(): Promise<string[]> {
    const { databases } = await this.client.data<{ databases: { name: string }[] }>(`{ databases { name } }`);
    return databases.map(({ name }) => name);
  }

  /** Everything that the API can read of a database. */
  async everything(database = "neo4j"): Promise<unknown> {
    return this.client.data(EVERYTHING, { database });
  }

  data<T>(query: string, variables?: Variables): Promise<T> {
    return this.client.data<T>(query, variables);
  }

  ask<T>(query: string, variables?: Variables): Promise<GraphqlResponse<T>> {
    return this.client.ask<T>(query, variables);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server.close();
  }

  async #job<T extends ApiJob | null>(field: string, mutation: string, input: object): Promise<T> {
    const data = await this.client.data<Record<string, { userTask: T }>>(mutation, {
      input: { ...JOB_NAMES, ...input },
    });
    return data[field]!.userTask;
  }
}

/** The status of each task by its path. */
export function statusesOf(job: ApiJob): Record<string, TaskStatus> {
  return Object.fromEntries(job.tasks.map(({ path, status }) => [path, status]));
}

/** The task at a path of the job's tree; the root by default. */
export function taskOf(job: ApiJob | null, path = ""): TaskShown {
  const task = job?.tasks.find((other) => other.path === path);
  if (!task) throw new Error(`The job has no task at path "${path}".`);
  return task;
}

/** The error of a rejected call, for `rejects.toMatchObject`. */
export function apiError(code: string, message?: RegExp): object {
  return message ? { code, message: expect.stringMatching(message) } : { code };
}

export interface JobNames {
  readonly database?: string;
  readonly username?: string | null;
  readonly jobId?: string | null;
}

export interface StoreTaskInput extends JobNames {
  readonly task?: unknown;
  readonly onConflict?: "OVERWRITE" | "REJECT";
  readonly memory?: MemoryRange | null;
  readonly leaseSeconds?: number | null;
  readonly requestId?: string | null;
}

export interface JobMutationInput extends JobNames {
  readonly attempt?: number | null;
}

export interface UpdateTaskInput extends JobMutationInput {
  readonly updates?: readonly Partial<TaskUpdate>[] | null;
  readonly log?: readonly { level?: LogLevel; message: string; path?: string }[] | null;
  readonly requestId?: string | null;
}

export interface AddTasksInput extends JobMutationInput {
  readonly path?: string;
  readonly tasks?: readonly TaskSpec[];
  readonly requestId?: string | null;
}

export interface RequestCancelInput extends JobMutationInput {
  readonly reason?: string | null;
}

export interface CountFilter extends JobNames {
  readonly status?: readonly TaskStatus[] | null;
}

export interface ConnectionArguments extends CountFilter {
  readonly first?: number | null;
  readonly after?: string | null;
  readonly last?: number | null;
  readonly before?: string | null;
}

export interface StoreTaskPayload {
  readonly outcome: "CREATED" | "OVERWRITTEN";
  readonly userTask: ApiJob;
}

export interface UpdateTaskResult {
  readonly userTask: ApiJob | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** A complete `UserTask`. */
export interface ApiJob {
  readonly id: string;
  readonly database: string;
  readonly username: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly version: number;
  readonly revision: number;
  readonly position: string;
  readonly tasks: readonly TaskShown[];
  readonly memory: MemoryRange | null;
  readonly health: Health;
  readonly storedAt: string;
  readonly reportedAt: string;
  readonly endedAt: string | null;
  readonly expiresAt: string | null;
  readonly cancelRequest: { readonly at: string; readonly by: string; readonly reason: string | null } | null;
  readonly log: readonly LogShown[];
}

/** A `Task` without its subtasks. */
export interface TaskShown {
  readonly id: string;
  readonly path: string;
  readonly depth: number;
  readonly description: string;
  readonly kind: TaskKind;
  readonly status: TaskStatus;
  readonly progress: ProgressShown;
  readonly mode: IterationMode | null;
  readonly currentIteration: number | null;
  readonly maxIterations: number | null;
  readonly message: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly elapsedMs: number | null;
  readonly maxConcurrency: number | null;
}

export interface ProgressShown {
  readonly done: number;
  readonly volume: number | null;
  readonly knownVolume: number;
  readonly ratio: number | null;
  readonly percent: string;
  readonly bar: string;
}

export interface LogShown {
  readonly at: string;
  readonly level: LogLevel;
  readonly path: string;
  readonly message: string;
}

export interface MemoryRange {
  readonly minBytes: number;
  readonly maxBytes: number;
}

export interface Connection {
  readonly edges: readonly { readonly cursor: string; readonly node: ApiJob }[];
  readonly nodes: readonly ApiJob[];
  readonly pageInfo: PageInfo;
  readonly totalCount: number;
  readonly position: string;
}

export interface PageInfo {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
  readonly endCursor: string | null;
}

export interface ProgressRow {
  readonly username: string;
  readonly jobId: string;
  readonly taskName: string;
  readonly progress: string;
  readonly progressBar: string;
  readonly status: TaskStatus;
  readonly timeStarted: string | null;
  readonly elapsedTime: string;
}

const JOB_NAMES = { database: "neo4j", jobId: "job" };
const TASK_NAMES = { ...JOB_NAMES, username: "anonymous" };

export const JOB_FRAGMENT = `
  fragment Job on UserTask {
    id database username jobId attempt version revision position
    tasks { ...Task }
    memory { minBytes maxBytes }
    health storedAt reportedAt endedAt expiresAt
    cancelRequest { at by reason }
    log(last: 200, level: DEBUG) { at level path message }
  }
  fragment Task on Task {
    id path depth description kind status
    progress { done volume knownVolume ratio percent bar }
    mode currentIteration maxIterations message startedAt endedAt elapsedMs maxConcurrency
  }`;

const CONNECTION_FRAGMENT = `
  fragment Connection on UserTaskConnection {
    edges { cursor node { ...Job } }
    nodes { ...Job }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
    position
  }
  ${JOB_FRAGMENT}`;

const ROW = "username jobId taskName progress progressBar status timeStarted elapsedTime";

const STORE_TASK = `
  mutation ($input: StoreTaskInput!) { storeTask(input: $input) { outcome userTask { ...Job } } }
  ${JOB_FRAGMENT}`;
const UPDATE_TASK = `
  mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { userTask { ...Job } } }
  ${JOB_FRAGMENT}`;
const UPDATE_TASKS = `
  mutation ($inputs: [UpdateTaskInput!]!) {
    updateTasks(inputs: $inputs) { userTask { ...Job } error { code message } }
  }
  ${JOB_FRAGMENT}`;
const ADD_TASKS = `
  mutation ($input: AddTasksInput!) { addTasks(input: $input) { userTask { ...Job } } }
  ${JOB_FRAGMENT}`;
const REMOVE_TASK = `
  mutation ($input: JobInput!) { removeTask(input: $input) { userTask { ...Job } } }
  ${JOB_FRAGMENT}`;
const REQUEST_CANCEL = `
  mutation ($input: RequestCancelInput!) { requestCancel(input: $input) { userTask { ...Job } } }
  ${JOB_FRAGMENT}`;
const PURGE_DATABASE = `mutation ($database: String!) { purgeDatabase(database: $database) { removed } }`;
const TASK = `
  query ($database: String!, $username: String!, $jobId: ID!) {
    task(database: $database, username: $username, jobId: $jobId) { ...Job }
  }
  ${JOB_FRAGMENT}`;
const TASK_COUNT = `
  query ($database: String!, $username: String, $jobId: ID, $status: [TaskStatus!]) {
    taskCount(database: $database, username: $username, jobId: $jobId, status: $status)
  }`;
const TASKS = `
  query ($database: String!, $username: String, $jobId: ID, $status: [TaskStatus!],
         $first: Int, $after: String, $last: Int, $before: String) {
    tasks(database: $database, username: $username, jobId: $jobId, status: $status,
          first: $first, after: $after, last: $last, before: $before) { ...Connection }
  }
  ${CONNECTION_FRAGMENT}`;
const LIST_PROGRESS = `
  query ($database: String!, $jobId: ID, $first: Int! = 1000) {
    listProgress(database: $database, jobId: $jobId, first: $first) { ${ROW} }
  }`;
const EVERYTHING = `
  query ($database: String!) {
    databases { name position taskCount usernames }
    database(name: $database) { name position taskCount usernames }
    taskCount(database: $database)
    tasks(database: $database, first: 100) { ...Connection }
    listProgress(database: $database) { ${ROW} }
  }
  ${CONNECTION_FRAGMENT}`;

function storeTasksDocument(count: number): string {
  const indexes = Array.from({ length: count }, (_, index) => index);
  const variables = indexes.map((index) => `$input${index}: StoreTaskInput!`).join(" ");
  const fields = indexes
    .map((index) => `store${index}: storeTask(input: $input${index}) { __typename }`)
    .join(" ");
  return `mutation (${variables}) { ${fields} }`;
}
