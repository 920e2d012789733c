/** What a program imports that talks to a Tidemark server: `tidemark/client`. */
export { watch } from "./watch.js";
export type { Watch, WatchStatus } from "./watch.js";
export type { WatchOptions } from "./watch-options.js";
export type { WatchToken, WatchTransportName } from "./watch-connection.js";
export type * from "./watch-event.js";
export type * from "./watched-job.js";
export { TidemarkError } from "../protocol/tidemark-error.js";
export type { ErrorCode } from "../protocol/error-codes.js";
