/**
 * Events as a watcher receives them, with all fields that the laws check, and the operation that requests
 * them.
 */
import type { ResetReason } from "../../../src/hub/task-event.js";
import type { JobFilter } from "../../../src/store/task-store.js";
import type { RemovalReason } from "../../../src/tasks/user-task.js";
import { dataOf, type GraphqlRequest } from "../network/raw-http.js";
import { DATABASE } from "../store/requests.js";

export type WireEvent = WireReset | WireStored | WireUpdated | WireRemoved | WireCaughtUp;
/** Events about a job. */
export type WireChange = WireStored | WireUpdated | WireRemoved;

export interface WireReset extends AnyWireEvent {
  readonly kind: "Reset";
  readonly cause: ResetReason;
}

export interface WireStored extends AnyWireEvent {
  readonly kind: "TaskStored";
  readonly outcome: string;
  readonly userTask: WireJob;
}

export interface WireUpdated extends AnyWireEvent {
  readonly kind: "TaskUpdated";
  readonly userTask: WireJob;
  readonly changed: readonly WireTask[];
}

export interface WireRemoved extends AnyWireEvent {
  readonly kind: "TaskRemoved";
  readonly username: string;
  readonly jobId: string;
  readonly reason: RemovalReason;
}

export interface WireCaughtUp extends AnyWireEvent {
  readonly kind: "CaughtUp";
}

interface AnyWireEvent {
  readonly position: string;
  readonly at: string;
}

export interface WireJob {
  readonly username: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly version: number;
  readonly revision: number;
  readonly health: string;
  readonly cancelRequest: { readonly reason: string | null } | null;
  readonly tasks: readonly WireTask[];
}

export interface WireTask {
  readonly path: string;
  readonly kind: string;
  readonly description: string;
  readonly status: string;
  readonly message: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly currentIteration: number | null;
  readonly progress: {
    readonly done: number;
    readonly volume: number | null;
    readonly knownVolume: number;
  };
}

/** The subscription of a watcher. */
export interface WireSubscription {
  readonly filter: JobFilter;
  readonly minIntervalMs: number;
  readonly after: string | null;
}

const JOB = `
  fragment Task on Task {
    path kind description status message startedAt endedAt currentIteration
    progress { done volume knownVolume }
  }
  fragment Job on UserTask {
    username jobId attempt version revision health cancelRequest { reason } tasks { ...Task }
  }`;

const TASK_EVENTS = `subscription (
    $database: String!, $username: String, $jobId: ID, $after: Position, $minIntervalMs: Int!
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

const STATE = `query ($database: String!, $username: String, $jobId: ID) {
    tasks(database: $database, username: $username, jobId: $jobId, first: 100) { position nodes { ...Job } }
  }${JOB}`;

export function taskEventsOf({ filter, ...rest }: WireSubscription): GraphqlRequest {
  return { query: TASK_EVENTS, variables: { database: DATABASE, ...filter, ...rest } };
}

/** The state, read by a query. A subscription after its position misses nothing. */
export async function queryWireState(
  url: string,
  filter: JobFilter = {},
): Promise<{ readonly jobs: readonly WireJob[]; readonly position: string }> {
  const { tasks } = await dataOf<{ tasks: { nodes: WireJob[]; position: string } }>(url, STATE, {
    database: DATABASE,
    ...filter,
  });
  return { jobs: tasks.nodes, position: tasks.position };
}

/** The job that an event is about; undefined for events about none. */
export function subjectOf(event: WireEvent): { username: string; jobId: string } | undefined {
  if (event.kind === "TaskRemoved") return event;
  return event.kind === "TaskStored" || event.kind === "TaskUpdated" ? event.userTask : undefined;
}

export function isChange(event: WireEvent): event is WireChange {
  return subjectOf(event) !== undefined;
}

export function wireKey({ username, jobId }: { username: string; jobId: string }): string {
  return JSON.stringify([username, jobId]);
}
