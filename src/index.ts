/** The API for programs that embed Tidemark. */
export { startApp, type App, type AppOptions } from "./app.js";
export { ConfigError } from "./config/config-error.js";
export { loadConfig, type ConfigSources } from "./config/load-config.js";
export type { Config } from "./config/settings.js";
export type { Journal, DatabaseJournal } from "./journal/journal.js";
export { ERROR_CODES, type ErrorCode } from "./protocol/error-codes.js";
export { DEFAULT_LIMITS, type Limits } from "./protocol/limits.js";
export { formatPosition, ORIGIN, parsePosition, type Position } from "./protocol/position.js";
export { TidemarkError } from "./protocol/tidemark-error.js";
export {
  matches,
  type JobFilter,
  type PageWindow,
  type TaskStore,
  type UserTaskPage,
} from "./store/task-store.js";
export type { TaskStoreListener } from "./store/task-store-listener.js";
export type { TaskStoreLease, TaskStoreProvider } from "./store/task-store-provider.js";
export { TaskRegistry } from "./store/task-registry.js";
export type { Fence, Report, StoreRequest } from "./tasks/job-changes.js";
export {
  parseDatabaseName,
  parseJobId,
  parseUsername,
  type DatabaseName,
  type JobId,
  type JobKey,
  type Username,
} from "./tasks/names.js";
export { progressOf, type Progress } from "./tasks/progress.js";
export type { DatabaseDurations, Retention } from "./tasks/retention.js";
export type { TaskSpec } from "./tasks/task-spec.js";
export type { TaskUpdate } from "./tasks/task-update.js";
export type { Task } from "./tasks/task.js";
export type { Removal, UserTask } from "./tasks/user-task.js";
