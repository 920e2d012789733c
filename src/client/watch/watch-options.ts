import type { TidemarkError } from "../../protocol/tidemark-error.js";
import type { EndpointOptions } from "../transport/endpoint.js";
import type { WatchTransportName } from "./watch-connection.js";

/** Options of `watch`. All are optional. In a browser, `url` may be relative to the page. */
export interface WatchOptions extends EndpointOptions {
  /** Watches only the jobs of this user. Default: all users whose jobs you may see. */
  readonly username?: string;
  /** Watches only jobs with this id, of any user. Default: all jobs. */
  readonly jobId?: string;
  /**
   * Minimum time between two batches of events, milliseconds, at most 3,600,000. The server merges the changes in
   * between. Default 0: the server sends each change immediately.
   */
  readonly minIntervalMs?: number;
  /**
   * Receives errors that do not end the watch: the server could not send an event. The watch then starts over with the
   * full state, once per job. `extensions.ended` is set if the job of the event has ended. Default: ignored.
   */
  readonly onError?: (error: TidemarkError) => void;
  /** Closes the watch when aborted. */
  readonly signal?: AbortSignal;
  /** The transport. Default `auto`: a WebSocket, or server-sent events if the network blocks WebSockets. */
  readonly transport?: WatchTransportName;
  /**
   * Time between two pings, milliseconds. The client reconnects when two pings in a row bring no data. With server-sent
   * events there are no pings, so choose at least the server's `--keep-alive`. Default 12,000.
   */
  readonly keepAliveMs?: number;
}
