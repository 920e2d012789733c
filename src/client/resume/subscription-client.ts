/** The parts of a GraphQL client that `resumable` uses. They are those of graphql-ws and of graphql-sse. */

/** A client that can subscribe, such as that of graphql-ws or graphql-sse. */
export interface SubscriptionClient {
  /** Subscribes, and returns a function that unsubscribes. */
  subscribe(payload: SubscriptionPayload, sink: SubscriptionSink): () => void;
}

/** A subscription to send. */
export interface SubscriptionPayload {
  /** The document. */
  readonly query: string;
  /** The values of its variables. */
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  /** The operation to execute, if the document has several. */
  readonly operationName?: string | null | undefined;
  /** Data for extensions of the protocol. */
  readonly extensions?: Record<string, unknown> | null | undefined;
}

/** Receives what a subscription sends. */
export interface SubscriptionSink<Data = Record<string, unknown>> {
  /** Receives a result. */
  next(result: SubscriptionResult<Data>): void;
  /** The subscription has failed, and no result follows. */
  error(error: unknown): void;
  /** The subscription has ended, and no result follows. */
  complete(): void;
}

/** A result of a subscription. */
export interface SubscriptionResult<Data = Record<string, unknown>> {
  /** The event; null if the server could not build it. */
  readonly data?: Data | null;
  /** Why there is no event. */
  readonly errors?: readonly SubscriptionError[];
  /** Data of extensions of the protocol. */
  readonly extensions?: Record<string, unknown>;
}

/** An error of a result. */
export interface SubscriptionError {
  /** What is wrong, and what to do. */
  readonly message: string;
  /** The `code`, and data for programs. */
  readonly extensions?: Record<string, unknown>;
}
