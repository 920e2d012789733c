import type { ExecutionResult } from "graphql";
import type { EventResult, EventResults } from "../../graphql/pipeline/event-results.js";
import type { EventBatch } from "../../hub/live-group.js";
import type { StreamSink } from "../../hub/pull-stream.js";

/** Where results go. */
export interface ResultSocket {
  /** Whether it has room for one more. */
  admits(): boolean;
  /**
   * Sends a message for each of the results, each beginning with `start`, as long as there is room. Returns how
   * many.
   */
  sendResults(start: string, results: EventBatch<EventResult>): number;
}

/**
 * A subscription over WebSocket. To graphql-ws it is an iterable that gives nothing and ends when the subscription
 * does; its results go past graphql-ws, as text that was made once for all who asked the same.
 */
export class WebSocketSubscription
  implements AsyncIterableIterator<ExecutionResult>, StreamSink<EventResult>
{
  readonly #socket: ResultSocket;
  readonly #results: EventResults;
  /** What a message begins with, up to the result. */
  readonly #start: string;
  #ended: { resolve(end: IteratorResult<ExecutionResult>): void; reject(error: unknown): void } | undefined;

  /** @param start what each of its messages begins with, up to the result, as `latin1Of` has it. */
  constructor(socket: ResultSocket, results: EventResults, start: string) {
    this.#socket = socket;
    this.#results = results;
    this.#start = start;
  }

  next(): Promise<IteratorResult<ExecutionResult>> {
    return new Promise((resolve, reject) => {
      this.#ended = { resolve, reject };
      this.#results.pipeTo(this);
    });
  }

  async return(): Promise<IteratorResult<ExecutionResult>> {
    await this.#results.return();
    return END;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The socket has room again. */
  resume(): void {
    this.#results.resume();
  }

  canAccept(): boolean {
    return this.#socket.admits();
  }

  accept(results: EventBatch<EventResult>): number {
    return this.#socket.sendResults(this.#start, results);
  }

  end(): void {
    this.#ended?.resolve(END);
  }

  fail(error: unknown): void {
    this.#ended?.reject(error);
  }
}

const END = { done: true, value: undefined } as const;
