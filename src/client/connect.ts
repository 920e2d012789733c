/**
 * `connect()`: where everything begins, for a worker and for a watcher.
 *
 *     const tidemark = connect({ database: "demo" });
 *     await tidemark.job({ jobId: "import" }, task("Import")).run(async (root) => {
 *       for await (const row of root.track(rows, "rows")) await insert(row);
 *     });
 */
import type { TidemarkError } from "../protocol/tidemark-error.js";
import type { MemoryRangeInput, OnConflict } from "./generated/graphql.js";
import { Job } from "./report/job.js";
import { Reporter } from "./report/reporter.js";
import { resolveEndpoint, type EndpointOptions } from "./transport/endpoint.js";
import { platformClock, uniqueId, type ClientClock } from "./platform.js";
import type { TaskDeclaration } from "./report/task-declaration.js";
import type { WatchOptions } from "./watch/watch-options.js";
import { watch, type Watch } from "./watch/watch.js";
import type { Token } from "./transport/token.js";
import { HttpTransport, type ClientDocument, type RequestOptions } from "./transport/http-transport.js";

/** Where the server is, and how it is spoken to. */
export interface ConnectOptions extends EndpointOptions {
  /** Whose jobs they are that name no other. Default: the one that the server knows you as. */
  readonly username?: string | undefined;
  /** The shortest time between two reports while nothing begins or ends, milliseconds. Default 250. */
  readonly intervalMs?: number | undefined;
  /**
   * How long a job may be quiet before the server is asked whether somebody wants it to stop, milliseconds; once it
   * tells that by itself, a quiet job sends a heartbeat each third of its lease. Default 600.
   */
  readonly heartbeatMs?: number | undefined;
  /** How long an answer may take before it is asked for again, milliseconds. Default 5,000. */
  readonly requestTimeoutMs?: number | undefined;
  /** How long an end that the server does not know of keeps the process alive, milliseconds. Default 5,000. */
  readonly endTimeoutMs?: number | undefined;
  /**
   * Called when the server can't be reached, or wants another token (once for each, until it takes reports again), and
   * when it refuses something; then with the job. Nothing is lost by the first two: reports wait. After STALE_ATTEMPT,
   * NOT_FOUND and FORBIDDEN the job is no longer reported. Default: nobody is told.
   */
  readonly onError?: ((error: TidemarkError, job?: Job) => void) | undefined;
  /** The source of time; for tests. */
  readonly clock?: ClientClock | undefined;
}

/** What is said of a job besides its tree. */
export interface JobOptions {
  /** Stored again under the same one, a job replaces the one before. Default: one that nobody else has. */
  readonly jobId?: string | undefined;
  /** Where it goes. Default: the connection's. */
  readonly database?: string | undefined;
  /** Whose job it is. Default: the connection's. */
  readonly username?: string | undefined;
  /** Seconds without a report after which the job is SILENT, 1 to 604,800. Default: the server's. */
  readonly leaseSeconds?: number | undefined;
  /** The memory that it is estimated to need, bytes. Default: that is not said. */
  readonly memory?: MemoryRangeInput | undefined;
  /** REJECT refuses where a job with this id is there and has not ended. Default OVERWRITE. */
  readonly onConflict?: OnConflict | undefined;
}

/** As `watch` takes them; where the server is, is known. */
export interface ConnectedWatchOptions extends Omit<WatchOptions, "url" | "token" | "database"> {
  /** Default: the connection's. */
  readonly database?: string;
}

/** A server, as a program uses it. It holds nothing that has to be closed. */
export class Connection {
  /** The server's address. */
  readonly url: string;
  /** What proves who you are. */
  readonly token: Token | undefined;
  readonly #transport: HttpTransport;
  readonly #reporter: Reporter;
  readonly #options: ConnectOptions;
  readonly #database: string;

  /** Called by `connect`. */
  constructor(options: ConnectOptions) {
    const { url, token, database } = resolveEndpoint(options);
    this.#options = options;
    this.#database = database;
    this.#transport = new HttpTransport({ url, token, requestTimeoutMs: options.requestTimeoutMs });
    this.url = this.#transport.url;
    this.token = this.#transport.token;
    this.#reporter = new Reporter(this.#transport, {
      intervalMs: options.intervalMs ?? 250,
      heartbeatMs: options.heartbeatMs ?? 600,
      endTimeoutMs: options.endTimeoutMs ?? 5_000,
      clock: options.clock ?? platformClock,
      onUnavailable: (error) => this.#tell(error),
    });
  }

  /** A job with this tree; it is stored with the first thing that is said of it. */
  job(options: JobOptions, root: TaskDeclaration): Job {
    const { jobId = uniqueId(), database, username, leaseSeconds, memory, onConflict } = options;
    const header = {
      jobId,
      database: database ?? this.#database,
      username: username ?? this.#options.username,
      leaseSeconds,
      memory,
      ...(onConflict && { onConflict }),
    };
    return new Job(header, root, this.#reporter, (error, job) => this.#tell(error, job));
  }

  /**
   * Watches jobs, of the connection's database unless another one is named.
   *
   *     for await (const event of tidemark.watch()) console.log(event.kind);
   */
  watch(options: ConnectedWatchOptions = {}): Watch {
    const database = options.database ?? this.#database;
    return watch({ ...options, url: this.url, token: this.token, database });
  }

  /**
   * Asks a query or a mutation, once.
   * @throws TidemarkError with the server's code, UNAVAILABLE when there was no answer.
   */
  request<Data, Variables>(
    document: ClientDocument<Data, Variables>,
    variables: Variables,
    options?: RequestOptions,
  ): Promise<Data> {
    return this.#transport.request(document, variables, options);
  }

  /** On its own turn: what is thrown there is the program's, and must not stop the reports. */
  #tell(error: TidemarkError, job?: Job): void {
    const { onError } = this.#options;
    if (onError) queueMicrotask(() => onError(error, job));
  }
}

/**
 * Where a server is, and how it is spoken to. Nothing is sent before there is something to say.
 * @throws TypeError for an address that is none.
 */
export function connect(options: ConnectOptions = {}): Connection {
  return new Connection(options);
}
