/** Which jobs a subscription delivers. Scopes are compared by value. */
import type { WatchedJob } from "../watch/watched-job.js";

export interface WatchScope {
  readonly database: string;
  readonly username: string | undefined;
  readonly jobId: string | undefined;
  readonly minIntervalMs: number;
}

export function scopeKey({ database, username, jobId, minIntervalMs }: WatchScope): string {
  return JSON.stringify([database, username, jobId, minIntervalMs]);
}

/**
 * The scopes that deliver the jobs of this one, narrowest first: a component that shows one job of a list that is already
 * watched needs no subscription of its own.
 */
export function coveringScopes(scope: WatchScope): WatchScope[] {
  return [scope, { ...scope, jobId: undefined }, { ...scope, username: undefined, jobId: undefined }];
}

/** The jobs of a scope, from those of a scope that covers it. The server compares names in Unicode form NFC. */
export function jobsInScope(
  { username, jobId }: Pick<WatchScope, "username" | "jobId">,
  jobs: readonly WatchedJob[],
): readonly WatchedJob[] {
  if (username === undefined && jobId === undefined) return jobs;
  const [user, id] = [username?.normalize(), jobId?.normalize()];
  return jobs.filter((job) => (user ?? job.username) === job.username && (id ?? job.jobId) === job.jobId);
}
