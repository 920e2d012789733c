import { unavailable, type TidemarkError } from "../../protocol/tidemark-error.js";
import { MirrorDocument, type MirrorSubscription } from "../generated/graphql.js";
import { invalidAddress, resolveEndpoint } from "../transport/endpoint.js";
import { WatchConnection } from "./watch-connection.js";
import { defaultEnvironment, type WatchEnvironment } from "./watch-environment.js";
import type { WatchEvent } from "./watch-event.js";
import { WatchMirror, type AppliedEvent, type ReceivedEvent } from "./watch-mirror.js";
import type { WatchOptions } from "./watch-options.js";
import { WatchQueue } from "./watch-queue.js";
import type { WatchedJob } from "./watched-job.js";

/**
 * Watches the jobs of a database until it is closed: as events, and as a map that always holds the newest of them.
 *
 *     for await (const event of watch({ url: "http://127.0.0.1:4000", database: "demo" })) {
 *       if ("job" in event) console.log(event.kind, event.job.jobId, event.job.task.progress.percent);
 *     }
 *
 * It comes back by itself after whatever breaks the connection, and is told what happened meanwhile. It ends with
 * `close()`, the end of a `for await`, or `signal`; or with the TidemarkError of a server that refuses what is asked.
 *
 * What is not given is as for `connect`: by the variables TIDEMARK_URL, TIDEMARK_TOKEN and TIDEMARK_DATABASE.
 *
 * @throws TypeError for an address that is none.
 */
export function watch(options: WatchOptions = {}): Watch {
  return new Watch(options, defaultEnvironment);
}

/** Whether what is held is what the server has. */
export type WatchStatus =
  /** It has not been told all yet. */
  | { readonly kind: "connecting"; /** Why the latest attempt failed. */ readonly cause?: unknown }
  /** It has been told all, and is told what happens. */
  | { readonly kind: "live" }
  /** It was live, and will be again: what is held is as the server had it at `since`. */
  | { readonly kind: "stale"; readonly since: Date; readonly cause?: unknown }
  /** It has ended, by an error where there is one. What is held stays as it was. */
  | { readonly kind: "closed"; readonly error?: TidemarkError };

/**
 * A watch. It is iterated once: by one `for await`, whose end closes it. What has happened before the first event is
 * asked for is told as the state, so that an iteration may begin at any time.
 */
export class Watch implements AsyncIterableIterator<WatchEvent, undefined>, AsyncDisposable {
  readonly #options: WatchOptions;
  readonly #environment: WatchEnvironment;
  readonly #mirror = new WatchMirror();
  readonly #connection: WatchConnection<MirrorSubscription>;
  readonly #listeners = new Set<() => void>();
  #status: WatchStatus = { kind: "connecting" };
  /** What is to be told to who iterates; undefined until somebody does. */
  #queue: WatchQueue | undefined;
  /** Those who wait for the next event, the first first. */
  readonly #waiting: Waiting[] = [];
  /** The error that it has ended by, until who iterates is told of it. */
  #pendingNotifications: TidemarkError | undefined;

  /** @internal Call `watch()`. */
  constructor(options: WatchOptions, environment: WatchEnvironment) {
    const { url, token, database } = resolveEndpoint(options);
    this.#options = { ...options, database };
    this.#environment = environment;
    this.#connection = new WatchConnection(
      {
        url: endpointOf(url),
        token,
        transport: options.transport ?? "auto",
        keepAliveMs: options.keepAliveMs ?? KEEP_ALIVE_MS,
        request: () => ({ query: String(MirrorDocument), variables: this.#variables() }),
        onData: ({ taskEvents }) => this.#receive(taskEvents),
        onDisconnected: (heardAt, cause) => this.#broken(heardAt, cause),
        onRejected: (error) => this.#end(error),
      },
      environment,
    );
    options.signal?.addEventListener("abort", this.#onAbort);
    if (options.signal?.aborted) this.#end();
    void this.#connection.run(); // never rejects
  }

  /** The jobs as they are now, by `id`; newest store first. Always the same map; a job that changes is a new object. */
  get jobs(): ReadonlyMap<string, WatchedJob> {
    return this.#mirror.jobs;
  }

  /** The job of a user with this job id; undefined when it is not there. */
  job(username: string, jobId: string): WatchedJob | undefined {
    return this.#mirror.jobs.find(username, jobId);
  }

  /** Whether what is held is what the server has. */
  get status(): WatchStatus {
    return this.#status;
  }

  /** Where `jobs` stands in the order of the database's changes: opaque, for logs. undefined before the first event. */
  get position(): string | undefined {
    return this.#mirror.position;
  }

  /**
   * Calls back after each event, and each change of the status. One that throws harms nobody else; its error is
   * thrown where nobody catches it.
   * @returns what ends it.
   */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Resolves once the watch is live, at once when it is. @throws TidemarkError when it has ended before. */
  async untilLive(): Promise<void> {
    while (this.#status.kind !== "live") {
      if (this.#status.kind === "closed") throw this.#status.error ?? unavailable("The watch was closed.");
      await this.#nextChange();
    }
  }

  /** The next event. @throws TidemarkError, once, when the server has refused what is asked. */
  async next(): Promise<IteratorResult<WatchEvent, undefined>> {
    this.#queue ??= new WatchQueue(this.#mirror, this.#status.kind === "live");
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#tell();
    });
  }

  /** Closes it, as the end of a `for await` does. */
  async return(): Promise<IteratorResult<WatchEvent, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  /** Ends it at once: no connection, timer or listener is left. Twice is harmless. */
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

  #receive(told: ReceivedEvent): void {
    const event = this.#apply(told);
    if (event) this.#queue?.add(event);
    if (event?.kind === "CaughtUp") this.#status = { kind: "live" };
    if (event?.kind === "Reset") this.#lost();
    this.#changed();
  }

  /** Whoever has lost track asks for the state when it comes back. */
  #apply(told: ReceivedEvent): AppliedEvent | undefined {
    try {
      return this.#mirror.apply(told);
    } catch (error) {
      this.#mirror.forgetPosition();
      throw error;
    }
  }

  #broken(heardAt: number | undefined, cause: unknown): void {
    if (this.#status.kind === "connecting") this.#status = { kind: "connecting", cause };
    else this.#lost(heardAt, cause);
    this.#changed();
  }

  #lost(since = this.#environment.clock.now(), cause?: unknown): void {
    if (this.#status.kind === "stale") this.#status = { ...this.#status, cause };
    if (this.#status.kind === "live") this.#status = { kind: "stale", since: new Date(since), cause };
  }

  #end(error?: TidemarkError): void {
    if (this.#status.kind === "closed") return;
    this.#status = error ? { kind: "closed", error } : { kind: "closed" };
    this.#pendingNotifications = error;
    this.#connection.close();
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#changed();
    this.#listeners.clear();
  }

  #changed(): void {
    this.#tell();
    const listeners = [...this.#listeners];
    for (const listener of listeners) callSafely(listener);
  }

  /** Who has closed it is told nothing more; by an error it ends when all before that was told. */
  #tell(): void {
    const isClosed = this.#status.kind === "closed";
    while (this.#waiting.length > 0) {
      const event = isClosed && !this.#pendingNotifications ? undefined : this.#queue?.shift();
      if (!event && !isClosed) return;
      const waiting = this.#waiting.shift()!; // there is one
      if (event) waiting.resolve({ done: false, value: event });
      else this.#tellEnd(waiting);
    }
  }

  #tellEnd({ resolve, reject }: Waiting): void {
    const error = this.#pendingNotifications;
    this.#pendingNotifications = undefined;
    if (error) reject(error);
    else resolve({ done: true, value: undefined });
  }

  async #nextChange(): Promise<void> {
    await new Promise<void>((resolve) => {
      const stop = this.onChange(() => {
        stop();
        resolve();
      });
    });
  }
}

interface Waiting {
  readonly resolve: (result: IteratorResult<WatchEvent, undefined>) => void;
  readonly reject: (error: TidemarkError) => void;
}

/** Between two signs of life, milliseconds. */
const KEEP_ALIVE_MS = 12_000;

/** The API of a server whose address is given, with its path or without. @throws TypeError for what is none. */
function endpointOf(address: string): URL {
  const { location } = globalThis as { location?: { readonly href: string } }; // of a page
  if (!URL.canParse(address, location?.href)) throw invalidAddress(address);
  const url = new URL(address, location?.href);
  if (!/^(http|ws)s?:$/.test(url.protocol)) throw invalidAddress(address);
  url.protocol = url.protocol.replace("ws", "http");
  const path = url.pathname.replace(/\/+$/, "");
  url.pathname = path.endsWith("/graphql") ? path : `${path}/graphql`;
  return url;
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
