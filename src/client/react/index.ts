"use client";
/** `tidemark-client/react`: hooks that show the jobs of a Tidemark server as they are now. For React 18 and later. */
export { TidemarkProvider, type TidemarkProviderProps } from "./tidemark-provider.js";
export { useJobs, type WatchedJobsFilter } from "./use-jobs.js";
export { useJob, type WatchedJobKey } from "./use-job.js";
export { useConnection } from "./use-connection.js";
export { useCancelJob, type CancelJob, type CancelJobOptions } from "./use-cancel-job.js";
export type { ConnectionState } from "./connection-state.js";
export type { WatchHookOptions, WatchResult } from "./use-watch-result.js";
export { TidemarkError } from "../../protocol/tidemark-error.js";
export type { ErrorCode } from "../../protocol/error-codes.js";
export type { Token } from "../transport/endpoint.js";
export type { WatchTransportName } from "../watch/watch-options.js";
export type * from "../watch/watched-job.js";
