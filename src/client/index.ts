/** `tidemark/client`: what a program imports that reports jobs, or watches them. */
export { ERROR_CODES, type ErrorCode } from "../protocol/error-codes.js";
export { TidemarkError } from "../protocol/tidemark-error.js";
export {
  connect,
  type ConnectedWatchOptions,
  type ConnectOptions,
  type Connection,
  type JobOptions,
} from "./connect.js";
export { JobCanceled } from "./job-canceled.js";
export type { FlushOptions, Job } from "./job.js";
export type { ClientClock, ClientTimer } from "./surroundings.js";
export {
  iterative,
  leaf,
  task,
  type IterationOptions,
  type IterativeSpec,
  type LeafSpec,
  type ParentSpec,
  type SpecOptions,
  type TaskSpec,
} from "./task-spec.js";
export type { Iteration, Task, TaskLog, TrackOptions, Which } from "./task.js";
export type { Tracked } from "./track.js";
export type { Token } from "./token.js";
export type { ClientDocument, RequestOptions } from "./transport.js";
export { watch } from "./watch.js";
export type { Watch, WatchStatus } from "./watch.js";
export type { WatchOptions } from "./watch-options.js";
export type { WatchTransportName } from "./watch-connection.js";
export type * from "./watch-event.js";
export type * from "./watched-job.js";
