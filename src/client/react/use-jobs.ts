import { checkOptions, type OptionRule } from "../check-options.js";
import type { WatchedJob, WatchedTaskStatus } from "../watch/watched-job.js";
import { useWatchClient } from "./tidemark-provider.js";
import {
  MIN_INTERVAL_MS,
  useWatchResult,
  WATCH_HOOK_OPTIONS,
  type WatchHookOptions,
  type WatchResult,
} from "./use-watch-result.js";
import { jobsInScope, type WatchScope } from "./watch-scope.js";

/** Selects jobs. All fields are optional. It may be written inline, as it is compared by value. */
export interface WatchedJobsFilter {
  /** The database. Default: that of the provider. */
  readonly database?: string | undefined;
  /** Only jobs of this user. Default: all users whose jobs you may see. */
  readonly username?: string | undefined;
  /** Only jobs with this id, of any user. Default: all jobs. */
  readonly jobId?: string | undefined;
  /** Only jobs whose root task has this status, or one of these. Default: any status. */
  readonly status?: WatchedTaskStatus | readonly WatchedTaskStatus[] | undefined;
}

const FILTER: Readonly<Record<keyof WatchedJobsFilter, OptionRule>> = {
  database: 2,
  username: 2,
  jobId: 2,
  status: ["PENDING", "RUNNING", "FINISHED", "CANCELED", "FAILED"] satisfies WatchedTaskStatus[],
};

/**
 * The jobs of a database as they are now, latest stored first. Components that use the same filter share one subscription.
 *
 *     const { data: jobs, isLoading, error } = useJobs({ status: "RUNNING" });
 *     const { data: count } = useJobs({}, { select: (jobs) => jobs.length });
 *
 * A job is immutable data, and the same object until it changes, so a memoized component renders only for its own job.
 * `data` is empty until all jobs have arrived.
 *
 * @throws TypeError if a field of the filter or an option is unknown or invalid. All other errors are in the result.
 */
export function useJobs<Selected = readonly WatchedJob[]>(
  filter: WatchedJobsFilter = {},
  options: WatchHookOptions<readonly WatchedJob[], Selected> = {},
): WatchResult<Selected> {
  checkOptions("useJobs()", filter, FILTER);
  checkOptions("useJobs()", options, WATCH_HOOK_OPTIONS);
  const client = useWatchClient();
  const { minIntervalMs = MIN_INTERVAL_MS, enabled = true, select } = options;
  const { database = client.database, username, jobId, status } = filter;
  const scope: WatchScope = { database, username, jobId, minIntervalMs };
  return useWatchResult(enabled ? scope : undefined, (jobs) => {
    const listed = jobsWithStatus(status, jobsInScope(scope, jobs));
    return select ? select(listed) : (listed as Selected); // safe: the default of the type
  });
}

function jobsWithStatus(
  status: WatchedJobsFilter["status"],
  jobs: readonly WatchedJob[],
): readonly WatchedJob[] {
  if (status === undefined) return jobs;
  const statuses = new Set([status].flat());
  return jobs.filter(({ task }) => statuses.has(task.status));
}
