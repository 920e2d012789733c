import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { Caller } from "../../auth/caller.js";
import type { EventResult, EventResults } from "../../graphql/pipeline/event-results.js";
import type { Pipeline } from "../../graphql/pipeline/pipeline.js";
import type { Log } from "../../util/log.js";
import type { WatcherConnection } from "../paced-close.js";
import type { Client } from "../refusal-log.js";
import { SlowReaderMonitor, type MonitoredConnection } from "../slow-reader.js";

/** The headers of server-sent events. They ask proxies not to cache or buffer. */
export const EVENT_STREAM_HEADERS = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-cache, no-transform",
  "X-Accel-Buffering": "no",
};

export interface EventStreamOptions {
  readonly pipeline: Pipeline;
  /** Interval of comments on an idle stream. */
  readonly keepAliveMs: number;
  /** How long a reader may leave pending data unread. */
  readonly slowReaderMs: number;
  readonly onSlowReaderClosed: (client: Client) => void;
  readonly log: Log;
}

/**
 * Encodes the results of a subscription as server-sent events: `next` for each, with its position as the `id` that a
 * client returns as `Last-Event-ID`, and `complete` at the end. It pulls on demand, so it buffers one event for a slow
 * reader, plus the content of its socket.
 */
export class EventStream extends Readable implements MonitoredConnection, WatcherConnection {
  readonly #results: EventResults;
  readonly #response: ServerResponse;
  readonly #caller: Caller;
  readonly #client: Client;
  readonly #unwatchCaller: () => void;
  readonly #options: EventStreamOptions;
  readonly #heartbeat: NodeJS.Timeout;
  #isPulling = false;
  #hasEnded = false;

  constructor({ results, response, caller, client }: EventStreamTarget, options: EventStreamOptions) {
    super({ highWaterMark: 1 });
    this.#results = results;
    this.#response = response;
    this.#caller = caller;
    this.#client = client;
    this.#options = options;
    this.#heartbeat = setInterval(() => this.#beat(), options.keepAliveMs).unref();
    this.once("resume", () => this.#watchReader()); // before that Yoga clears the socket's timeout
    this.push(COMMENT); // some browsers delay the headers until data follows
    this.#unwatchCaller = caller.onExpired(() => this.#sendTokenExpired());
  }

  get isOpen(): boolean {
    return !this.#hasEnded;
  }

  /** Ends the stream without `complete`, so that its client reconnects and resumes. */
  close(): void {
    this.#end();
  }

  get isWaiting(): boolean {
    return this.#response.writableLength > 0;
  }

  closeSlowReader(): void {
    this.#options.onSlowReaderClosed(this.#client);
    this.#response.destroy();
  }

  override _read(): void {
    if (this.#isPulling || this.#hasEnded) return;
    this.#isPulling = true;
    this.#results.next().then(
      (result) => this.#pulled(result),
      (error: unknown) => this.#failed(error),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearInterval(this.#heartbeat);
    this.#unwatchCaller();
    this.#hasEnded = true;
    void this.#results.return(); // never fails
    callback(error);
  }

  #pulled({ done, value }: IteratorResult<EventResult>): void {
    this.#isPulling = false;
    if (this.#hasEnded) return;
    if (this.#caller.isExpired) return this.#sendTokenExpired();
    if (!done) return void this.push(blockOf(value));
    this.push(COMPLETE);
    this.#end();
  }

  /** Sends the error without an id: the client resumes after its last event, with a new token. */
  #sendTokenExpired(): void {
    if (this.#hasEnded) return;
    const { requestId } = this.#client;
    const rejected = this.#options.pipeline.reject(this.#caller.endError, requestId);
    this.push(`event: next\ndata: ${JSON.stringify(rejected)}\n\n`);
    this.push(COMPLETE);
    this.#end();
    void this.#results.return(); // never fails
  }

  #failed(error: unknown): void {
    this.#options.log.error({ err: error, ...this.#client }, "event stream failed");
    this.#end();
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.push(null);
  }

  /** Skips the comment while data is pending: it would only add to it. */
  #beat(): void {
    if (!this.#hasEnded && this.readableFlowing && this.readableLength === 0) this.push(COMMENT);
  }

  #watchReader(): void {
    const response = this.#response;
    if (!response.socket) return;
    const monitor = new SlowReaderMonitor(response.socket, this, this.#options.slowReaderMs);
    response.on("timeout", () => monitor.onTimeout());
  }
}

export interface EventStreamTarget {
  readonly results: EventResults;
  readonly response: ServerResponse;
  readonly caller: Caller;
  readonly client: Client;
}

const COMMENT = ":\n\n";
const COMPLETE = "event: complete\ndata:\n\n";

function blockOf({ text, position }: EventResult): string {
  const id = position === undefined ? "" : `id: ${position}\n`;
  return `${id}event: next\ndata: ${text}\n\n`;
}
