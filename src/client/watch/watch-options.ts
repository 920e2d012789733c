import type { PlatformSignal } from "../platform.js";
import type { EndpointOptions } from "../transport/endpoint.js";

/** The transport of a watch: `auto` uses a WebSocket, or server-sent events if the network blocks WebSockets. */
export type WatchTransportName = "auto" | "websocket" | "sse";

/** Options of `watch`. All are optional. In a browser, `url` may be relative to the page. */
export interface WatchOptions extends EndpointOptions {
  /** Watches only the jobs of this user. Default: all users whose jobs you may see. */
  readonly username?: string | undefined;
  /** Watches only jobs with this id, of any user. Default: all jobs. */
  readonly jobId?: string | undefined;
  /**
   * Minimum time between two batches of events, milliseconds, at most 3,600,000. The server merges the changes in
   * between. Default 0: the server sends each change immediately.
   */
  readonly minIntervalMs?: number | undefined;
  /** Closes the watch when aborted. */
  readonly signal?: PlatformSignal | undefined;
  /** The transport. Default `auto`: a WebSocket, or server-sent events if the network blocks WebSockets. */
  readonly transport?: WatchTransportName | undefined;
  /**
   * Time between two pings, milliseconds. The client reconnects when two pings in a row bring no data. With server-sent
   * events there are no pings, so choose at least the server's `--keep-alive`. Default 12,000.
   */
  readonly keepAliveMs?: number | undefined;
}
