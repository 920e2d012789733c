import type { TidemarkError } from "../../protocol/tidemark-error.js";
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
  /**
   * Receives errors that do not end the watch: the server could not send an event. The watch then starts over with the
   * full state, once per job. `extensions.ended` is set if the job of the event has ended. Default: ignored.
   */
  readonly onError?: ((error: TidemarkError) => void) | undefined;
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
