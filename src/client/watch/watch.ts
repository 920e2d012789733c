/// <reference lib="esnext.disposable" preserve="true" />
import { TidemarkError, unavailable } from "../../protocol/tidemark-error.js";
import { MirrorDocument, type MirrorSubscription } from "../generated/graphql.js";
import { checkOptions, type OptionRule } from "../check-options.js";
import { ignoreUnawaited, isNodeLike } from "../platform.js";
import { sseTransport } from "../transport/sse-transport.js";
import type { WatchTransport } from "../transport/watch-session.js";
import { webSocketTransport } from "../transport/websocket-transport.js";
import { resolveEndpoint, serverUrls } from "../transport/endpoint.js";
import { PendingReads, type ReadOutcome } from "../transport/pending-reads.js";
import { ServerList } from "../transport/server-list.js";
import { WATCHER_ENVIRONMENT, type WatchEnvironment } from "../transport/watch-environment.js";
import { noServerError } from "../transport/no-server-error.js";
import type { SessionEnd } from "../transport/session-end.js";
import { WatchConnection } from "./watch-connection.js";
import type { WatchEvent } from "./watch-event.js";
import { WatchMirror, type AppliedEvent, type ReceivedEvent } from "./watch-mirror.js";
import type { WatchOptions, WatchTransportName } from "./watch-options.js";
import { WatchQueue } from "./watch-queue.js";
import type { WatchedJob } from "./watched-job.js";
import { withFallback } from "./with-fallback.js";

/**
 * Watches the jobs of a database. A watch delivers events, and `Watch.jobs` always holds the current jobs.
 *
 *     for await (const event of watch({ url: "http://127.0.0.1:4000" })) {
 *       if ("job" in event) console.log(event.kind, event.job.jobId, event.job.task.progress.percent);
 *     }
 *
 * The watch reconnects when its connection breaks and receives the changes it missed. It ends with `close()`, when a
 * `for await` loop exits, or when `signal` aborts. If the server rejects the subscription, it ends with a
 * TidemarkError. If the first connection fails and nothing listens to `onChange`, one line on stderr says why (Node.js only).
 *
 * The url, token and database default to TIDEMARK_URL, TIDEMARK_TOKEN and TIDEMARK_DATABASE, as in `connect`.
 *
 * @throws TypeError if the address of the server is invalid or an option is unknown or invalid.
 */
export function watch(options: WatchOptions = {}): Watch {
  checkOptions("watch()", options, WATCH_OPTIONS);
  return new Watch(options, WATCHER_ENVIRONMENT);
}

const TRANSPORTS: Readonly<Record<WatchTransportName, readonly WatchTransport[]>> = {
  auto: [webSocketTransport, sseTransport],
  websocket: [webSocketTransport],
  sse: [sseTransport],
};

const WATCH_OPTIONS: Readonly<Record<keyof WatchOptions, OptionRule>> = {
  url: 2,
  token: 2,
  database: 2,
  username: 2,
  jobId: 2,
  minIntervalMs: 0,
  onMoved: 2,
  onError: 2,
  signal: 2,
  transport: ["auto", "websocket", "sse"] satisfies WatchTransportName[],
  keepAliveMs: 0,
};

/** Whether the jobs of a watch are current. */
export type WatchStatus =
  /** The jobs are not complete yet. */
  | { readonly kind: "connecting"; /** Why the latest attempt failed. */ readonly cause?: unknown }
  /** The jobs are complete, and changes arrive as they happen. */
  | { readonly kind: "live" }
  /** The connection was lost, and the watch reconnects. The jobs are as the server had them at `since`. */
  | { readonly kind: "stale"; readonly since: Date; readonly cause?: unknown }
  /** The watch has ended, with an error if the server rejected it. The jobs stay as they were. */
  | { readonly kind: "closed"; readonly error?: TidemarkError };

/**
 * A watch, returned by `watch`. It can be iterated once; the end of the `for await` loop closes it. The iteration may
 * start at any time: it first delivers the current jobs.
 */
export class Watch implements AsyncIterableIterator<WatchEvent, undefined>, AsyncDisposable {
  readonly #options: WatchOptions;
  readonly #environment: WatchEnvironment;
  readonly #mirror = new WatchMirror();
  readonly #connection: WatchConnection<MirrorSubscription>;
  readonly #listeners = new Set<() => void>();
  /** Whether the program has listened to changes, and hence to the status. */
  #isObserved = false;
  #status: WatchStatus = { kind: "connecting" };
  /** Undefined until the first call of `next`. */
  #queue: WatchQueue | undefined;
  readonly #reads = new PendingReads<WatchEvent>();
  /** The error that ended the watch, until the iteration has thrown it. */
  #pendingError: TidemarkError | undefined;

  /** @internal Call `watch()`. */
  constructor(options: WatchOptions, environment: WatchEnvironment) {
    const { url, token, database } = resolveEndpoint(options);
    this.#options = { ...options, database };
    this.#environment = environment;
    const servers = new ServerList(serverUrls(url), options.onMoved);
    this.#connection = new WatchConnection(
      {
        servers,
        token,
        attempt: withFallback(TRANSPORTS[options.transport ?? "auto"]),
        keepAliveMs: options.keepAliveMs ?? KEEP_ALIVE_MS,
        request: () => ({ query: String(MirrorDocument), variables: this.#variables() }),
        onData: ({ taskEvents }) => this.#receive(taskEvents),
        onFailedEvent: (error) => this.#onFailedEvent(error),
        onDisconnected: (lastActivityAt, end, isMoving) =>
          this.#onDisconnected(lastActivityAt, isMoving ? undefined : causeOf(end, servers.urls)),
        onRejected: (error) => this.#end(error),
      },
      environment,
    );
    options.signal?.addEventListener("abort", this.#onAbort);
    if (options.signal?.aborted) this.#end();
    void this.#connection.run(); // never rejects
  }

  /**
   * The current jobs by `id`, latest stored first. The map stays the same object; a changed job is a new object. For a map
   * that changes with its jobs, use `getSnapshot`.
   */
  get jobs(): ReadonlyMap<string, WatchedJob> {
    return this.#mirror.jobs;
  }

  /** The current state of a job; undefined if there is no such job. */
  job(username: string, jobId: string): WatchedJob | undefined {
    return this.#mirror.jobs.find(username, jobId);
  }

  /** Whether `jobs` is current. */
  get status(): WatchStatus {
    return this.#status;
  }

  /** The position of `jobs` in the database's changes, for logs. An opaque text; undefined before the first event. */
  get position(): string | undefined {
    return this.#mirror.position;
  }

  /**
   * Calls `listener` after each event and each change of the status. An error of the listener becomes an uncaught
   * exception, and does not affect other listeners or the watch.
   * @returns a function that removes the listener.
   */
  onChange(listener: () => void): () => void {
    this.#isObserved = true;
    return this.#listen(listener);
  }

  #listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The same as `onChange`, as a function of its own, for React's `useSyncExternalStore`. */
  readonly subscribe = (listener: () => void): (() => void) => this.onChange(listener);

  /**
   * Returns the current jobs as a map that never changes. It is the same object until a job changes, and shares all
   * unchanged jobs with the map before. It needs no `this`:
   *
   *     const jobs = useSyncExternalStore(watched.subscribe, watched.getSnapshot);
   */
  readonly getSnapshot = (): ReadonlyMap<string, WatchedJob> => this.#mirror.jobs.snapshot();

  /** Resolves once the watch is live. @throws TidemarkError if it ends first: UNAVAILABLE, or the server's error. */
  untilLive(): Promise<void> {
    return ignoreUnawaited(this.#untilLive());
  }

  async #untilLive(): Promise<void> {
    while (this.#status.kind !== "live") {
      if (this.#status.kind === "closed") throw this.#status.error ?? unavailable("The watch was closed.");
      await this.#nextChange();
    }
  }

  /** Resolves with the next event. @throws TidemarkError, once, if the server rejects the subscription. */
  async next(): Promise<IteratorResult<WatchEvent, undefined>> {
    this.#queue ??= new WatchQueue(this.#mirror, this.#status.kind === "live");
    const read = this.#reads.add();
    this.#settleReads();
    return read;
  }

  /** Closes the watch. Called when a `for await` loop exits. */
  async return(): Promise<IteratorResult<WatchEvent, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  /** Ends the watch immediately and releases its connection, timers and listeners. Has no effect a second time. */
  close(): void {
    this.#end();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  readonly #onAbort = (): void => this.#end();

  #variables(): Readonly<Record<string, unknown>> {
    const { database, username, jobId, minIntervalMs } = this.#options;
    return { database, username, jobId, minIntervalMs, after: this.#mirror.position };
  }

  #receive(received: ReceivedEvent): void {
    const event = this.#apply(received);
    if (event) this.#queue?.add(event);
    if (event?.kind === "CaughtUp" && this.#status.kind !== "live") this.#status = { kind: "live" };
    if (event?.kind === "Reset") this.#markStale();
    this.#notify();
  }

  /** If the event does not fit, the next connection starts over with the full state. */
  #apply(received: ReceivedEvent): AppliedEvent | undefined {
    try {
      return this.#mirror.apply(received);
    } catch (error) {
      this.#mirror.forgetPosition();
      throw error;
    }
  }

  #onFailedEvent(error: TidemarkError): void {
    const { onError } = this.#options;
    if (onError) callSafely(() => onError(error));
    if (this.#mirror.skip(error.extensions)) return this.#notify();
    this.#mirror.forgetPosition();
    throw error;
  }

  /** @param cause undefined while the watch moves to another server */
  #onDisconnected(lastActivityAt: number | undefined, cause: unknown): void {
    if (this.#status.kind === "connecting") {
      if (!this.#status.cause && !this.#isObserved) printFailure(cause);
      this.#status = { kind: "connecting", cause };
    }
    this.#markStale(lastActivityAt, cause);
    this.#notify();
  }

  #markStale(since = this.#environment.clock.now(), cause?: unknown): void {
    if (this.#status.kind === "stale") this.#status = { ...this.#status, cause };
    if (this.#status.kind === "live") this.#status = { kind: "stale", since: new Date(since), cause };
  }

  #end(error?: TidemarkError): void {
    if (this.#status.kind === "closed") return;
    this.#status = error ? { kind: "closed", error } : { kind: "closed" };
    this.#pendingError = error;
    this.#connection.close();
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#notify();
    this.#listeners.clear();
  }

  #notify(): void {
    this.#settleReads();
    const listeners = [...this.#listeners];
    for (const listener of listeners) callSafely(listener);
  }

  #settleReads(): void {
    this.#reads.settle(() => this.#takeEvent());
  }

  /** After `close()`, pending events are dropped. After an error, they are delivered before it. */
  #takeEvent(): ReadOutcome<WatchEvent> | undefined {
    const isClosed = this.#status.kind === "closed";
    const error = this.#pendingError;
    const value = isClosed && !error ? undefined : this.#queue?.shift();
    if (value) return { done: false, value };
    this.#pendingError = undefined;
    if (error) return { error };
    return isClosed ? { done: true, value: undefined } : undefined;
  }

  async #nextChange(): Promise<void> {
    await new Promise<void>((resolve) => {
      const stop = this.#listen(() => {
        stop();
        resolve();
      });
    });
  }
}

const KEEP_ALIVE_MS = 12_000;

function causeOf(end: SessionEnd, urls: readonly string[]): unknown {
  if ("error" in end) return end.error;
  return end.kind === "unopened" ? noServerError(urls, end.cause) : end.cause;
}

/** Tells a program that waits for its first event why there is none. A page has the browser's messages. */
function printFailure(cause: unknown): void {
  if (!isNodeLike || !(cause instanceof TidemarkError) || cause.code !== "UNAVAILABLE") return;
  // oxlint-disable-next-line no-console -- a program that only iterates would otherwise never know
  console.error(`tidemark: ${cause.message} The watch keeps trying.`);
}

function callSafely(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
