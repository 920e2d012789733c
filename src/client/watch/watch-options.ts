import type { EndpointOptions } from "../transport/endpoint.js";
import type { WatchTransportName } from "./watch-connection.js";

/** What to watch, and how. In a page `url` may be relative; a `token` goes with each connection. */
export interface WatchOptions extends EndpointOptions {
  /** Only jobs of this user. Default: of all whose jobs you may see. */
  readonly username?: string;
  /** Only jobs with this id, whoever's they are. Default: all. */
  readonly jobId?: string;
  /** At most one batch of events in so many milliseconds, to 3,600,000; what happens meanwhile is merged. Default 0. */
  readonly minIntervalMs?: number;
  /** Ends the watch, as `close()` does. */
  readonly signal?: AbortSignal;
  /** Default `auto`: a WebSocket, or server-sent events where that does not get through. */
  readonly transport?: WatchTransportName;
  /**
   * Between two signs of life, milliseconds: a connection that is silent for two of them is given up. Over server-sent
   * events not below the server's `--keep-alive`. Default 12,000.
   */
  readonly keepAliveMs?: number;
}
