import { TidemarkError } from "../../protocol/tidemark-error.js";
import { checkOptions } from "../check-options.js";
import { WATCHER_ENVIRONMENT, type WatchEnvironment } from "../transport/watch-environment.js";
import { ResultIterator } from "./result-iterator.js";
import { ResumedSubscription } from "./resumed-subscription.js";
import type {
  SubscriptionClient,
  SubscriptionPayload,
  SubscriptionResult,
  SubscriptionSink,
} from "./subscription-client.js";

/** Options of `resumable`. */
export interface ResumableOptions {
  /** A subscription was lost, and will be resumed. Receives an `Error` that says why. Default: ignored. */
  readonly onDisconnected?: ((cause: unknown) => void) | undefined;
}

/** The subscriptions of a client, which resume by position. */
export interface ResumableSubscriptions {
  /**
   * Subscribes, and returns a function that unsubscribes. The sink receives a TidemarkError if the server rejects the
   * subscription.
   */
  subscribe<Data = Record<string, unknown>>(
    payload: SubscriptionPayload,
    sink: SubscriptionSink<Data>,
  ): () => void;
  /** Subscribes, for a `for await` loop. Leaving the loop unsubscribes. */
  iterate<Data = Record<string, unknown>>(
    payload: SubscriptionPayload,
  ): AsyncIterableIterator<SubscriptionResult<Data>, undefined>;
}

/**
 * Makes the subscriptions of a GraphQL client resume: after any break, a subscription is sent again with the newest
 * position that it received as the variable `after`. Nothing is lost, and nothing repeats.
 *
 *     import { createClient } from "graphql-ws"; // or "graphql-sse"
 *
 *     const client = resumable(createClient({ url: "ws://127.0.0.1:4000/graphql", retryAttempts: 0 }));
 *     const query = `subscription ($after: Position) {
 *       taskEvents(database: "default", after: $after) { __typename position }
 *     }`;
 *     for await (const { data } of client.iterate({ query })) console.log(data);
 *
 * Pass the result to any library that takes such a client, such as the link of Apollo Client. The delays between
 * attempts grow, and are random. A subscription without positions starts again with the current value.
 *
 * `subscribe` and `iterate` throw TidemarkError BAD_USER_INPUT for a document that cannot resume.
 *
 * @throws TypeError if an option is unknown.
 */
export function resumable<Client extends SubscriptionClient>(
  client: Client,
  options: ResumableOptions = {},
): Client & ResumableSubscriptions {
  checkOptions("resumable()", options, { onDisconnected: 2 });
  return resumableIn(WATCHER_ENVIRONMENT, client, options);
}

/** `resumable` with its time and randomness. */
export function resumableIn<Client extends SubscriptionClient>(
  environment: WatchEnvironment,
  client: Client,
  { onDisconnected = () => {} }: ResumableOptions = {},
): Client & ResumableSubscriptions {
  const open = <Data>(payload: SubscriptionPayload, sink: SubscriptionSink<Data>): ResumedSubscription => {
    checkResumable(payload);
    // Safe: the caller knows the data of its document.
    const options = { client, payload, sink: sink as SubscriptionSink, onDisconnected };
    return new ResumedSubscription(options, environment);
  };
  const subscriptions: ResumableSubscriptions = {
    subscribe(payload, sink) {
      const subscription = open(payload, sink);
      return () => subscription.stop();
    },
    iterate: (payload) => new ResultIterator(payload, open),
  };
  return { ...client, ...subscriptions };
}

/** @throws TidemarkError BAD_USER_INPUT */
function checkResumable({ query }: SubscriptionPayload): void {
  if (!/\bsubscription\b/.test(query)) {
    const remedy = "Send queries and mutations without resumable(): a retry could repeat a mutation.";
    throw new TidemarkError("BAD_USER_INPUT", `Not a subscription: ${query.trim()}. ${remedy}`);
  }
  const isComplete = /\$after\b/.test(query) && /\bposition\b/.test(query);
  if (isComplete || !/\btaskEvents\b/.test(query)) return;
  const remedy = "Declare $after: Position, pass it as `after: $after`, and select `position`.";
  throw new TidemarkError("BAD_USER_INPUT", `This subscription to taskEvents cannot resume. ${remedy}`);
}
