/** Requests about jobs, as the tests of the transports send them. */
import { dataOf, type GraphqlRequest } from "../kit/network/raw-http.js";

/** What `storeTask` takes; all that is left out is as in `job()`. */
export interface StoreJobInput {
  readonly database?: string;
  readonly username?: string;
  readonly jobId?: string;
  readonly task?: object;
  readonly memory?: object;
  readonly requestId?: string;
}

/** A job that is stored. */
export interface StoredJob {
  readonly attempt: number;
  readonly version: number;
  readonly position: string;
}

type MutationRequest = GraphqlRequest & { readonly variables: Record<string, unknown> };

export const SERVER_JOB_KEY = { database: "d", username: "u", jobId: "j" };

const STORE_TASK = `mutation ($input: StoreTaskInput!) {
  storeTask(input: $input) { userTask { attempt version position } }
}`;
const UPDATE_TASK = `mutation ($input: UpdateTaskInput!) {
  updateTask(input: $input) { userTask { attempt version position } }
}`;
const ADD_TASKS = `mutation ($input: AddTasksInput!) { addTasks(input: $input) { userTask { version } } }`;
const REMOVE_TASK = `mutation ($input: JobInput!) { removeTask(input: $input) { userTask { version } } }`;
const REQUEST_CANCEL = `mutation ($input: RequestCancelInput!) {
  requestCancel(input: $input) { userTask { version } }
}`;

/** Stores a leaf of volume 10, unless told otherwise. */
export function storeTask(input: StoreJobInput = {}): MutationRequest {
  return withInput(STORE_TASK, { task: { description: "work", volume: 10 }, ...input });
}

export function updateTask(input: object): MutationRequest {
  return withInput(UPDATE_TASK, input);
}

export function addTasks(input: object): GraphqlRequest {
  return withInput(ADD_TASKS, input);
}

export function removeTask(input: object = {}): GraphqlRequest {
  return withInput(REMOVE_TASK, input);
}

export function requestCancel(input: object = {}): GraphqlRequest {
  return withInput(REQUEST_CANCEL, input);
}

/** Stores it for good, in a request of its own. */
export async function store(url: string, input: StoreJobInput = {}): Promise<StoredJob> {
  const { query, variables } = storeTask(input);
  const data = await dataOf<{ storeTask: { userTask: StoredJob } }>(url, query, variables);
  return data.storeTask.userTask;
}

/** Reports for good, in a request of its own. */
export async function update(url: string, input: object): Promise<StoredJob> {
  const { query, variables } = updateTask(input);
  const data = await dataOf<{ updateTask: { userTask: StoredJob } }>(url, query, variables);
  return data.updateTask.userTask;
}

/** How many jobs the database has. */
export async function taskCount(url: string, database = SERVER_JOB_KEY.database): Promise<number> {
  const query = "query ($database: String!) { taskCount(database: $database) }";
  return (await dataOf<{ taskCount: number }>(url, query, { database })).taskCount;
}

function withInput(query: string, input: object): MutationRequest {
  return { query, variables: { input: { ...SERVER_JOB_KEY, ...input } } };
}

export function repeated<T>(value: T, count: number): T[] {
  return Array.from({ length: count }, () => value);
}
