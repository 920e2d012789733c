import type { ErrorExtensions } from "../../protocol/tidemark-error.js";
import { Reconnection } from "../transport/reconnection.js";
import { ServerList } from "../transport/server-list.js";
import type { WatchEnvironment } from "../transport/watch-environment.js";
import type { ResponseError } from "../transport/response-error.js";
import {
  endOfClosing,
  endOfErrors,
  endOfResponse,
  type Closing,
  type HttpResponse,
  type SessionEnd,
} from "../transport/session-end.js";
import type {
  SubscriptionClient,
  SubscriptionPayload,
  SubscriptionResult,
  SubscriptionSink,
} from "./subscription-client.js";

export interface ResumedSubscriptionOptions {
  readonly client: SubscriptionClient;
  readonly payload: SubscriptionPayload;
  readonly sink: SubscriptionSink;
  /** The subscription was lost, and is resumed. */
  readonly onDisconnected: (cause: unknown) => void;
}

/**
 * One subscription through a client of another library, over as many attempts as it takes. Each continues after the
 * newest position that the sink received.
 */
export class ResumedSubscription {
  readonly #options: ResumedSubscriptionOptions;
  readonly #reconnection: Reconnection;
  #position: string | undefined;
  /** Ends the current attempt. */
  #endAttempt: ((end: SessionEnd) => void) | undefined;

  constructor(options: ResumedSubscriptionOptions, environment: WatchEnvironment) {
    this.#options = options;
    const attempts = {
      attempt: () => this.#attempt(),
      servers: new ServerList([""]), // the client knows it
      mayRenewToken: true,
      onDisconnected: (end: SessionEnd) => options.onDisconnected("error" in end ? end.error : end.cause),
      onRejected: (error: unknown) => options.sink.error(error),
    };
    this.#reconnection = new Reconnection(attempts, environment);
    this.#reconnection.run().catch((error: unknown) => options.sink.error(error));
  }

  /** The subscription with its position in the variable `after`. */
  get payload(): SubscriptionPayload {
    return { ...this.#options.payload, variables: { ...this.#options.payload.variables, ...this.#after } };
  }

  /** Unsubscribes. Has no effect a second time. */
  stop(): void {
    this.#reconnection.close();
    this.#endAttempt?.({ kind: "broken" });
  }

  get #after(): { readonly after?: string } {
    return this.#position === undefined ? {} : { after: this.#position };
  }

  /** Rejects if the client throws. */
  #attempt(): Promise<SessionEnd> {
    return new Promise((resolve) => {
      let unsubscribe: (() => void) | undefined = undefined;
      let hasEnded = false;
      const end = (reason: SessionEnd | Promise<SessionEnd>): void => {
        if (hasEnded) return;
        hasEnded = true;
        unsubscribe?.();
        resolve(reason);
      };
      this.#endAttempt = end;
      unsubscribe = this.#options.client.subscribe(this.#livePayload(), {
        next: (result) => hasEnded || this.#receive(result, end),
        error: (cause) => end(endOfFailure(cause)),
        complete: () => hasEnded || this.#complete(),
      });
      if (hasEnded) unsubscribe();
    });
  }

  /** A client that retries by itself serializes it again, and so sends the newest position. */
  #livePayload(): SubscriptionPayload {
    const { payload } = this.#options;
    const variables = Object.defineProperty({ ...payload.variables }, "after", {
      enumerable: true,
      get: () => this.payload.variables?.["after"],
    });
    return { ...payload, variables };
  }

  #receive(result: SubscriptionResult, end: (end: SessionEnd) => void): void {
    const errors = (result.errors ?? []) as readonly ResponseError[]; // safe: the server writes this shape
    if (errors.length > 0 && result.data === undefined) return end(endOfErrors(errors));
    this.#reconnection.onData();
    this.#position = positionOf(result) ?? this.#position;
    this.#options.sink.next(result);
  }

  #complete(): void {
    this.stop();
    this.#options.sink.complete();
  }
}

/** The position of an event, or of one that the server could not build; undefined in other subscriptions. */
function positionOf({ data, errors = [] }: SubscriptionResult): string | undefined {
  const [event] = Object.values(data ?? {}) as ({ readonly position?: string } | null)[];
  const failed = errors[0]?.extensions as Partial<ErrorExtensions> | undefined;
  return event?.position ?? failed?.position;
}

/** Reads the failures of graphql-ws (GraphQL errors, a close event) and of graphql-sse (an error with the response). */
async function endOfFailure(cause: unknown): Promise<SessionEnd> {
  if (Array.isArray(cause)) return endOfErrors(cause as readonly ResponseError[]);
  if (isClosing(cause)) return endOfClosing(cause, true);
  const { response } = Object(cause) as { readonly response?: HttpResponse };
  if (response) return endOfResponse(response);
  // Browsers pass an event, which has no text.
  return {
    kind: "broken",
    cause: cause instanceof Error ? cause : new Error("The connection failed or was lost.", { cause }),
  };
}

function isClosing(cause: unknown): cause is Closing {
  const { code, reason } = Object(cause) as Partial<Closing>;
  return typeof code === "number" && typeof reason === "string";
}
