import type { ExecutionResult } from "graphql";
import type { EventResult, EventResults } from "../../graphql/pipeline/event-results.js";
import type { EventBatch } from "../../hub/live-group.js";
import type { StreamSink } from "../../hub/pull-stream.js";

export interface ResultSocket {
  /** Whether it has room for another result. */
  canSend(): boolean;
  /** Sends one message per result, with the prefix `start`, while there is room. Returns the number sent. */
  sendResults(start: string, results: EventBatch<EventResult>): number;
}

/**
 * A subscription over WebSocket. Its results bypass graphql-ws: for graphql-ws it is an iterable without values that
 * ends with the subscription.
 *
 * Why results bypass graphql-ws and GraphQL Yoga: both execute, serialize and send each event once per subscriber, so
 * the cost of a change grows with its watchers. Tidemark executes and serializes an event once for all subscribers with
 * the same operation, and combines the frames of a socket into one write. Yoga also wraps each request in fetch objects,
 * which cost more than the operation. The libraries keep what defines the protocols: handshake, ids, errors, completion.
 */
export class WebSocketSubscription
  implements AsyncIterableIterator<ExecutionResult>, StreamSink<EventResult>
{
  readonly #socket: ResultSocket;
  readonly #results: EventResults;
  readonly #start: string;
  #ended: { resolve(end: IteratorResult<ExecutionResult>): void; reject(error: unknown): void } | undefined;

  /** @param start the prefix of each message, up to the result, encoded by `utf8AsLatin1`. */
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

  /** Called when the socket has room again. */
  resume(): void {
    this.#results.resume();
  }

  canAccept(): boolean {
    return this.#socket.canSend();
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
