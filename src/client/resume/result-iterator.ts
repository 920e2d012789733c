import { PendingReads, type ReadOutcome } from "../transport/pending-reads.js";
import type { ResumedSubscription } from "./resumed-subscription.js";
import type { SubscriptionPayload, SubscriptionResult, SubscriptionSink } from "./subscription-client.js";

/** How many results may wait for a slow consumer. */
const RESULTS_MAX = 1_000;

/**
 * The results of a subscription, for a `for await` loop. If the loop falls behind, it unsubscribes until the loop has
 * taken everything. The server then sends what changed meanwhile, merged.
 */
export class ResultIterator<Data> implements AsyncIterableIterator<SubscriptionResult<Data>, undefined> {
  readonly #subscribe: (payload: SubscriptionPayload, sink: SubscriptionSink<Data>) => ResumedSubscription;
  #subscription: ResumedSubscription;
  #isPaused = false;
  readonly #results: SubscriptionResult<Data>[] = [];
  readonly #reads = new PendingReads<SubscriptionResult<Data>>();
  /** The end, once there is one. An error is thrown once. */
  #end: ReadOutcome<SubscriptionResult<Data>> | undefined;

  constructor(
    payload: SubscriptionPayload,
    subscribe: (payload: SubscriptionPayload, sink: SubscriptionSink<Data>) => ResumedSubscription,
  ) {
    this.#subscribe = subscribe;
    this.#subscription = subscribe(payload, this.#sink);
  }

  /** Resolves with the next result. @throws TidemarkError, once, if the server rejects the subscription. */
  next(): Promise<IteratorResult<SubscriptionResult<Data>, undefined>> {
    const read = this.#reads.add();
    this.#reads.settle(() => this.#take());
    return read;
  }

  /** Unsubscribes. Called when a `for await` loop exits. */
  async return(): Promise<IteratorResult<SubscriptionResult<Data>, undefined>> {
    this.#subscription.stop();
    this.#results.length = 0;
    this.#end = DONE;
    this.#reads.settle(() => this.#take());
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #sink: SubscriptionSink<Data> = {
    next: (result) => {
      this.#results.push(result);
      this.#reads.settle(() => this.#take());
      if (this.#results.length >= RESULTS_MAX) this.#pause();
    },
    error: (error) => this.#endWith({ error }),
    complete: () => this.#endWith(DONE),
  };

  #take(): ReadOutcome<SubscriptionResult<Data>> | undefined {
    const value = this.#results.shift();
    if (value) return { done: false, value };
    const end = this.#end;
    if (end) this.#end = DONE;
    else if (this.#isPaused) this.#resume();
    return end;
  }

  #pause(): void {
    this.#isPaused = true;
    this.#subscription.stop();
  }

  #resume(): void {
    this.#isPaused = false;
    this.#subscription = this.#subscribe(this.#subscription.payload, this.#sink);
  }

  #endWith(end: ReadOutcome<SubscriptionResult<Data>>): void {
    this.#end ??= end;
    this.#reads.settle(() => this.#take());
  }
}

const DONE: { readonly done: true; readonly value: undefined } = { done: true, value: undefined };
