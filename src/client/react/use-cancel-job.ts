import { useCallback, useState } from "react";
import type { TidemarkError } from "../../protocol/tidemark-error.js";
import { CancelJobDocument } from "../generated/graphql.js";
import { requestError } from "./request-error.js";
import { useWatchClient } from "./tidemark-provider.js";
import type { WatchedJobKey } from "./use-job.js";

/** Options of `cancelJob`. All are optional. */
export interface CancelJobOptions {
  /** The reason, for the worker and for watchers. Default: none. */
  readonly reason?: string | undefined;
}

/** What `useCancelJob` returns. */
export interface CancelJob {
  /**
   * Asks the worker of a job to stop. A job of `useJobs` or `useJob` is canceled only in the attempt that is shown. Resolves
   * when the server has answered; never rejects, as `error` has the reason.
   */
  readonly cancelJob: (job: CancelTarget, options?: CancelJobOptions) => Promise<void>;
  /** Whether the server has not answered yet. */
  readonly isPending: boolean;
  /** Why the latest request failed. Undefined without a failure. */
  readonly error: TidemarkError | undefined;
}

type CancelTarget = WatchedJobKey & { readonly attempt?: number | undefined };

/**
 * A function for a button that cancels a job, with the state of its request. Whether the job was asked to stop is in
 * `job.cancelRequest`, for all who watch it.
 *
 *     const { cancelJob, isPending, error } = useCancelJob();
 *     <button disabled={isPending || job.cancelRequest !== null} onClick={() => cancelJob(job)}>Cancel</button>
 */
export function useCancelJob(): CancelJob {
  const client = useWatchClient();
  const [state, setState] = useState(IDLE);
  const cancelJob = useCallback(
    async (job: CancelTarget, { reason }: CancelJobOptions = {}) => {
      const { database = client.database, username, jobId, attempt } = job;
      const input = { database, username, jobId, attempt, reason };
      setState({ isPending: true, error: undefined });
      setState({ isPending: false, error: await requestError(client, CancelJobDocument, { input }) });
    },
    [client],
  );
  return { ...state, cancelJob };
}

const IDLE: Omit<CancelJob, "cancelJob"> = { isPending: false, error: undefined };
