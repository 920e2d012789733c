import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { expiredTokenError } from "../../auth/authenticator.js";
import type { Caller } from "../../auth/caller.js";
import type { EventResult, EventResults } from "../../graphql/pipeline/event-results.js";
import type { Pipeline } from "../../graphql/pipeline/pipeline.js";
import type { Log } from "../../util/log.js";
import { SlowReaderMonitor, type MonitoredConnection } from "../slow-reader.js";

/** The header of server-sent events; proxies are asked neither to keep nor to hold them back. */
export const EVENT_STREAM_HEADERS = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-cache, no-transform",
  Connection: "keep-alive",
  "X-Accel-Buffering": "no",
};

export interface EventStreamOptions {
  readonly pipeline: Pipeline;
  /** Between two comments while nothing happens, milliseconds. */
  readonly keepAliveMs: number;
  /** How long a reader may take nothing of what waits for it, milliseconds. */
  readonly slowReaderMs: number;
  readonly onSlowReaderClosed: () => void;
  readonly log: Log;
}

/**
 * The results of a subscription as the text of server-sent events: `next` for each, with its position as the
 * `id` that a client gives back as `Last-Event-ID`, and `complete` at the end. It pulls when it is read, so
 * what waits for a slow reader is one event, and what its socket holds.
 */
export class EventStream extends Readable implements MonitoredConnection {
  readonly #results: EventResults;
  readonly #response: ServerResponse;
  readonly #caller: Caller;
  readonly #forgetCaller: () => void;
  readonly #options: EventStreamOptions;
  readonly #heartbeat: NodeJS.Timeout;
  #isPulling = false;
  #hasEnded = false;

  constructor({ results, response, caller }: EventStreamTarget, options: EventStreamOptions) {
    super({ highWaterMark: 1 });
    this.#results = results;
    this.#response = response;
    this.#caller = caller;
    this.#options = options;
    this.#heartbeat = setInterval(() => this.#beat(), options.keepAliveMs).unref();
    this.once("resume", () => this.#watchReader()); // before that Yoga takes the timeout off the socket
    this.push(COMMENT); // some browsers hold the header back until something follows it
    this.#forgetCaller = caller.onExpired(() => this.#tokenIsOver());
  }

  /** Ends it without `complete`: its client comes back, and says where it stands. */
  close(): void {
    this.#end();
  }

  get isWaiting(): boolean {
    return this.#response.writableLength > 0;
  }

  closeSlowReader(): void {
    this.#options.onSlowReaderClosed();
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
    this.#forgetCaller();
    this.#hasEnded = true;
    void this.#results.return(); // never fails
    callback(error);
  }

  #pulled({ done, value }: IteratorResult<EventResult>): void {
    this.#isPulling = false;
    if (this.#hasEnded) return;
    if (this.#caller.isExpired) return this.#tokenIsOver();
    if (!done) return void this.push(blockOf(value));
    this.push(COMPLETE);
    this.#end();
  }

  /** Says so without an id: what the client was told last is where it goes on, with another token. */
  #tokenIsOver(): void {
    if (this.#hasEnded) return;
    this.push(`event: next\ndata: ${JSON.stringify(this.#options.pipeline.reject(expiredTokenError()))}\n\n`);
    this.push(COMPLETE);
    this.#end();
    void this.#results.return(); // never fails
  }

  #failed(error: unknown): void {
    this.#options.log.error({ err: error }, "an event stream failed");
    this.#end();
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.push(null);
  }

  /** Not where something waits to be read: that would only make it more. */
  #beat(): void {
    if (!this.#hasEnded && this.readableFlowing && this.readableLength === 0) this.push(COMMENT);
  }

  #watchReader(): void {
    const response = this.#response;
    if (!response.socket) return;
    const watch = new SlowReaderMonitor(response.socket, this, this.#options.slowReaderMs);
    response.on("timeout", () => watch.onTimeout());
  }
}

/** What goes over a stream, over what, and to whom. */
export interface EventStreamTarget {
  readonly results: EventResults;
  readonly response: ServerResponse;
  readonly caller: Caller;
}

const COMMENT = ":\n\n";
const COMPLETE = "event: complete\ndata:\n\n";

function blockOf({ text, position }: EventResult): string {
  const id = position === undefined ? "" : `id: ${position}\n`;
  return `${id}event: next\ndata: ${text}\n\n`;
}
