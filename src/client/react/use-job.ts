import { checkOptions } from "../check-options.js";
import type { WatchedJob } from "../watch/watched-job.js";
import { useWatchClient } from "./tidemark-provider.js";
import {
  MIN_INTERVAL_MS,
  useWatchResult,
  WATCH_HOOK_OPTIONS,
  type WatchHookOptions,
  type WatchResult,
} from "./use-watch-result.js";
import { jobsInScope, type WatchScope } from "./watch-scope.js";

/** Names a job. A job of `useJobs` is a key too. */
export interface WatchedJobKey {
  /** The id of the job. */
  readonly jobId: string;
  /** The owner of the job. Default: any user; of several jobs, the latest stored one. */
  readonly username?: string | undefined;
  /** The database. Default: that of the provider. */
  readonly database?: string | undefined;
}

/**
 * One job as it is now. `data` is undefined while it loads, and if there is no such job (any more).
 *
 *     const { data: job, isLoading, error } = useJob({ username: "ada", jobId: "import-1" });
 *     const { data: percent } = useJob({ jobId: "import-1" }, { select: (job) => job?.task.progress.percent });
 *
 * If a list with this job is already watched, it needs no subscription of its own, and has the job at once.
 *
 * @param key without one, for example while nothing is selected, it watches nothing
 * @throws TypeError if the key has no `jobId` or an option is unknown. All other errors are in the result.
 */
export function useJob<Selected = WatchedJob | undefined>(
  key: WatchedJobKey | null | undefined,
  options: WatchHookOptions<WatchedJob | undefined, Selected> = {},
): WatchResult<Selected> {
  checkKey(key);
  checkOptions("useJob()", options, WATCH_HOOK_OPTIONS);
  const client = useWatchClient();
  const { minIntervalMs = MIN_INTERVAL_MS, enabled = true, select } = options;
  const { database = client.database, username, jobId } = key ?? {};
  const scope: WatchScope = { database, username, jobId, minIntervalMs };
  return useWatchResult(key && enabled ? scope : undefined, (jobs) => {
    const [job] = jobsInScope(scope, jobs);
    return select ? select(job) : (job as Selected); // safe: the default of the type
  });
}

function checkKey(key: WatchedJobKey | null | undefined): void {
  if (key === null || key === undefined || typeof key.jobId === "string") return;
  throw new TypeError(
    `Invalid key of useJob(): ${JSON.stringify(key)}. Expected an object with a jobId, or undefined to watch nothing.`,
  );
}
