/**
 * A watcher that builds its state from events alone, as a user interface does. At every `CaughtUp` a test can compare
 * that state with the server's.
 */
import { dataOf, type GraphqlRequest } from "../kit/network/raw-http.js";
import type { Watcher } from "./transports.js";

export interface EventJob {
  readonly username: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly version: number;
  readonly revision: number;
  readonly health: string;
  readonly tasks: readonly EventTask[];
}

export interface EventTask {
  readonly path: string;
  readonly status: string;
  readonly message: string | null;
  readonly progress: { readonly done: number };
}

/** An event with the fields of its kind. */
export interface TaskEvent {
  readonly kind: "Reset" | "TaskStored" | "TaskUpdated" | "TaskRemoved" | "CaughtUp";
  readonly position: string;
  readonly at: string;
  readonly cause?: string;
  readonly outcome?: string;
  readonly userTask?: EventJob;
  readonly changed?: readonly EventTask[];
  readonly username?: string;
  readonly jobId?: string;
  readonly reason?: string;
}

const JOB = `
  fragment Task on Task { path status message progress { done } }
  fragment Job on UserTask { username jobId attempt version revision health tasks { ...Task } }`;

const TASK_EVENTS = `subscription (
    $database: String! = "d", $username: String, $jobId: ID, $after: Position, $minIntervalMs: Int! = 0
  ) {
    taskEvents(
      database: $database, username: $username, jobId: $jobId, after: $after, minIntervalMs: $minIntervalMs
    ) {
      kind: __typename position at
      ... on Reset { cause }
      ... on TaskStored { outcome userTask { ...Job } }
      ... on TaskUpdated { userTask { ...Job } changed { ...Task } }
      ... on TaskRemoved { username jobId reason }
    }
  }${JOB}`;

const STATE = `query ($database: String!) {
    tasks(database: $database, first: 100) { position nodes { ...Job } }
  }${JOB}`;

/** By default: the current state of "d", then every change. */
export interface TaskEventsArguments {
  readonly database?: string;
  readonly username?: string;
  readonly jobId?: string;
  readonly after?: string;
  readonly minIntervalMs?: number;
}

export function taskEvents(variables: TaskEventsArguments = {}): GraphqlRequest {
  return { query: TASK_EVENTS, variables: { ...variables } };
}

/** The next event. Throws if the subscription was rejected. */
export async function nextEvent(watcher: Watcher): Promise<TaskEvent> {
  const { data, errors } = await watcher.next();
  if (errors) throw new Error(`The subscription was rejected: ${JSON.stringify(errors)}`);
  return (data as { taskEvents: TaskEvent }).taskEvents; // safe: the document selects it
}

/** The next events, up to and including the first of this kind. */
export async function taskEventsUntil(watcher: Watcher, kind: TaskEvent["kind"]): Promise<TaskEvent[]> {
  const events = [await nextEvent(watcher)];
  while (events.at(-1)?.kind !== kind) events.push(await nextEvent(watcher));
  return events;
}

export async function takeEvents(watcher: Watcher, count: number): Promise<TaskEvent[]> {
  const events: TaskEvent[] = [];
  while (events.length < count) events.push(await nextEvent(watcher));
  return events;
}

/** The server's state: its jobs, in the form of `Replica.jobs`, and their position. */
export async function queryState(
  url: string,
  database = "d",
): Promise<{ jobs: EventJob[]; position: string }> {
  const { tasks } = await dataOf<{ tasks: { nodes: EventJob[]; position: string } }>(url, STATE, {
    database,
  });
  return { jobs: sorted(tasks.nodes), position: tasks.position };
}

/** The state of a client that only applies events. */
export class Replica {
  readonly #jobs = new Map<string, EventJob>();

  constructor(jobs: readonly EventJob[] = []) {
    for (const job of jobs) this.#jobs.set(keyOf(job), job);
  }

  get jobs(): EventJob[] {
    return sorted([...this.#jobs.values()]);
  }

  apply(events: readonly TaskEvent[]): this {
    for (const event of events) this.#apply(event);
    return this;
  }

  #apply(event: TaskEvent): void {
    switch (event.kind) {
      case "Reset":
        return this.#jobs.clear();
      case "TaskStored":
        return void this.#jobs.set(keyOf(event.userTask!), event.userTask!);
      case "TaskUpdated":
        return this.#update(event.userTask!, event.changed!);
      case "TaskRemoved":
        return void this.#jobs.delete(keyOf(event as { username: string; jobId: string }));
      case "CaughtUp":
        return;
    }
  }

  /** The known tree with its changed tasks replaced. Ignores unchanged tasks in the event. */
  #update(userTask: EventJob, changed: readonly EventTask[]): void {
    const known = this.#jobs.get(keyOf(userTask));
    if (!known) throw new Error(`${userTask.jobId} was updated and never stored.`);
    const tasks = new Map([...known.tasks, ...changed].map((task) => [task.path, task]));
    this.#jobs.set(keyOf(userTask), { ...userTask, tasks: [...tasks.values()] });
  }
}

function keyOf({ username, jobId }: { readonly username: string; readonly jobId: string }): string {
  return JSON.stringify([username, jobId]);
}

function sorted(jobs: readonly EventJob[]): EventJob[] {
  return jobs.toSorted((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1));
}
