/** Reads a worker's job back from the server. */
import { setTimeout } from "node:timers/promises";
import { POLL_MS } from "../kit/poll-ms.js";
import { dataOf } from "../kit/network/raw-http.js";

export const JOB = { database: "d", username: "u", jobId: "j" };

export interface ServerJob {
  readonly attempt: number;
  readonly version: number;
  readonly reportedAt: string;
  readonly log: readonly { readonly level: string; readonly path: string; readonly message: string }[];
  readonly tasks: readonly ServerTask[];
}

export interface ServerTask {
  readonly path: string;
  readonly description: string;
  readonly status: string;
  readonly message: string | null;
  readonly currentIteration: number | null;
  readonly progress: { readonly done: number; readonly volume: number | null; readonly percent: string };
}

const TASK = `query ($database: String!, $username: String!, $jobId: ID!) {
  task(database: $database, username: $username, jobId: $jobId) {
    attempt version reportedAt log(level: DEBUG) { level path message }
    tasks { path description status message currentIteration progress { done volume percent } }
  }
}`;

async function findJob(url: string, jobId = JOB.jobId): Promise<ServerJob | null> {
  return (await dataOf<{ task: ServerJob | null }>(url, TASK, { ...JOB, jobId })).task;
}

export async function jobOnServer(url: string, jobId = JOB.jobId): Promise<ServerJob> {
  const job = await findJob(url, jobId);
  if (!job) throw new Error(`the server has no job ${jobId}`);
  return job;
}

/** Polls until the job is as wanted, or the test times out. */
export async function waitForJob(
  url: string,
  isWanted: (job: ServerJob) => boolean,
  jobId = JOB.jobId,
): Promise<ServerJob> {
  for (;;) {
    const job = await findJob(url, jobId);
    if (job && isWanted(job)) return job;
    await setTimeout(POLL_MS);
  }
}

/** `description status done/volume` of each task, parents first. */
export function linesOf({ tasks }: ServerJob): string[] {
  return tasks.map(
    ({ description, status, progress: { done, volume } }) =>
      `${description} ${status} ${done}/${volume ?? "?"}`,
  );
}
