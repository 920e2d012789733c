/** `tidemark-client`: reports jobs to a Tidemark server and watches them, in Node.js and in browsers. */
export { ERROR_CODES, type ErrorCode } from "../protocol/error-codes.js";
export { TidemarkError } from "../protocol/tidemark-error.js";
export { connect, type ConnectOptions, type Connection, type JobOptions } from "./connect.js";
export { JobCanceled } from "./report/job-canceled.js";
export type { FlushOptions, Job } from "./report/job.js";
export type { ClientClock, ClientTimer, PlatformSignal } from "./platform.js";
export {
  iterative,
  leaf,
  task,
  type IterationOptions,
  type IterativeSpec,
  type LeafSpec,
  type ParentSpec,
  type SpecOptions,
  type TaskDeclaration as TaskSpec,
} from "./report/task-declaration.js";
export type { TaskSelector } from "./report/select-task.js";
export type { Iteration, TaskHandle as Task, TrackOptions } from "./report/task-handle.js";
export type { TaskLog } from "./report/task-log.js";
export type { Tracked } from "./report/track.js";
export {
  eventSourceClient,
  type EventSourceClass,
  type EventSourceLike,
} from "./resume/event-source-client.js";
export { resumable, type ResumableOptions, type ResumableSubscriptions } from "./resume/resumable.js";
export type * from "./resume/subscription-client.js";
export type { Token } from "./transport/endpoint.js";
export type { ClientDocument, RequestOptions } from "./transport/http-transport.js";
export type { ServerMove } from "./transport/server-list.js";
export { watch } from "./watch/watch.js";
export type { Watch, WatchStatus } from "./watch/watch.js";
export type { WatchOptions, WatchTransportName } from "./watch/watch-options.js";
export type * from "./watch/watch-event.js";
export type * from "./watch/watched-job.js";
