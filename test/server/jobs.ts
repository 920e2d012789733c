/** Requests for the tests of the transports. */
import { dataOf, type GraphqlRequest } from "../kit/network/raw-http.js";

/** The input of `storeTask`; missing fields are those of `job()`. */
export interface StoreJobInput {
  readonly database?: string;
  readonly username?: string;
  readonly jobId?: string;
  readonly task?: object;
  readonly memory?: object;
  readonly leaseSeconds?: number;
  readonly requestId?: string;
}

/** A stored job. */
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

/** By default, stores a leaf of volume 10. */
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

/** Stores a job in its own request. */
export async function store(url: string, input: StoreJobInput = {}): Promise<StoredJob> {
  const { query, variables } = storeTask(input);
  const data = await dataOf<{ storeTask: { userTask: StoredJob } }>(url, query, variables);
  return data.storeTask.userTask;
}

/** Reports in its own request. */
export async function update(url: string, input: object): Promise<StoredJob> {
  const { query, variables } = updateTask(input);
  const data = await dataOf<{ updateTask: { userTask: StoredJob } }>(url, query, variables);
  return data.updateTask.userTask;
}

/** The number of jobs in a database. */
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
