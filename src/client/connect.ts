/**
 * `connect()`: the entry point for workers.
 *
 *     const tidemark = connect();
 *     await tidemark.job({ jobId: "import" }, task("Import")).run(async (root) => {
 *       for await (const row of root.track(rows, "rows")) await insert(row);
 *     });
 */
import type { TidemarkError } from "../protocol/tidemark-error.js";
import type { MemoryRangeInput, OnConflict } from "./generated/graphql.js";
import { checkOptions, type OptionRule } from "./check-options.js";
import { failureReason } from "./report/failure-reason.js";
import { Job } from "./report/job.js";
import type { JobDeclaration } from "./report/job-sync.js";
import { Reporter } from "./report/reporter.js";
import { remedyFor } from "./report/printed-remedy.js";
import { resolveEndpoint, type EndpointOptions, type Token } from "./transport/endpoint.js";
import { platformClock, uniqueId, type ClientClock } from "./platform.js";
import { checkDeclaration, type TaskDeclaration } from "./report/task-declaration.js";
import { HttpTransport, type ClientDocument, type RequestOptions } from "./transport/http-transport.js";

/** Options of `connect`. All are optional. */
export interface ConnectOptions extends EndpointOptions {
  /** The owner of jobs that do not set a `username`. Default: the user that the server authenticates. */
  readonly username?: string | undefined;
  /** Minimum time between two reports, milliseconds. The start or end of a task is reported sooner. Default 250. */
  readonly intervalMs?: number | undefined;
  /**
   * Time between the heartbeats of a job without progress, milliseconds. Each answer carries cancel requests. Once the
   * client receives these over a WebSocket, it sends three heartbeats per lease instead. Default 600.
   */
  readonly heartbeatMs?: number | undefined;
  /** Time limit of a request, milliseconds. Reports that exceed it are sent again. Default 5,000. */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * How long the process stays alive to deliver the end of a job while no server takes it, milliseconds. A busy server
   * may take longer. Default 5,000 for each server.
   */
  readonly endTimeoutMs?: number | undefined;
  /**
   * Receives errors that the SDK does not throw. Default: they are printed on stderr, one line for each job and
   * kind of error, for at most 11 jobs of a kind.
   *
   * - The server is unreachable or rejects the token: called without a job, once per error code until the server
   *   accepts reports again. Reports wait and are retried.
   * - The server rejects a job or a report: called with the job. After STALE_ATTEMPT, NOT_FOUND or FORBIDDEN, and when
   *   the job itself is rejected, the SDK stops reporting it. The work continues.
   * - A task got a value that means nothing, such as `advance(NaN)`: called with the job, once. The value is
   *   ignored.
   */
  readonly onError?: ((error: TidemarkError, job?: Job) => void) | undefined;
  /**
   * Whether open jobs end when their process does: CANCELED by a signal, otherwise FAILED with the reason. Node.js only.
   * Default true.
   */
  readonly endsJobsOnExit?: boolean | undefined;
  /** The source of time. For tests. */
  readonly clock?: ClientClock | undefined;
}

/** Options of `Connection.job`. All are optional. */
export interface JobOptions {
  /**
   * The id of the job, unique within its database and user. Storing a job under an existing id replaces that job and
   * starts its next attempt. Default: a random id.
   */
  readonly jobId?: string | undefined;
  /** The database that holds the job. Default: the connection's. */
  readonly database?: string | undefined;
  /** The owner of the job. Default: the connection's. */
  readonly username?: string | undefined;
  /** Seconds without a report after which the job is SILENT, 1 to 604,800. Default: set by the server. */
  readonly leaseSeconds?: number | undefined;
  /** The estimated memory of the job, bytes. Default: no estimate. */
  readonly memory?: MemoryRangeInput | undefined;
  /** REJECT fails when a job with this id exists and has not ended; OVERWRITE replaces it. Default OVERWRITE. */
  readonly onConflict?: OnConflict | undefined;
}

/** A connection to a server. It opens sockets on demand and needs no `close`. */
export class Connection {
  /** The server's address, without a trailing slash; those of several servers with commas in between. */
  readonly url: string;
  /** The token that authenticates each request. */
  readonly token: Token | undefined;
  readonly #transport: HttpTransport;
  readonly #reporter: Reporter;
  readonly #options: ConnectOptions;
  readonly #database: string;
  /** The number of errors of each kind, separately for those of jobs. */
  readonly #errorCounts: Record<string, number> = {};

  /** @internal Called by `connect`. */
  constructor(options: ConnectOptions) {
    const endpoint = resolveEndpoint(options);
    this.#options = options;
    this.#database = endpoint.database;
    this.#transport = new HttpTransport({ ...options, ...endpoint });
    const { servers, token } = this.#transport;
    this.url = String(servers.urls);
    this.token = token;
    this.#reporter = new Reporter(this.#transport, {
      intervalMs: options.intervalMs ?? 250,
      heartbeatMs: options.heartbeatMs ?? 600,
      endTimeoutMs: options.endTimeoutMs ?? 5_000 * servers.urls.length,
      endsJobsOnExit: options.endsJobsOnExit ?? true,
      clock: options.clock ?? platformClock,
      onUnavailable: (error) => this.#notify(error, error.code),
    });
  }

  /**
   * Creates a job with this task tree. The server stores it with its first report; `Job.announce` stores it at once.
   *
   *     const job = tidemark.job({ jobId: "nightly-import" }, task("Import", leaf("read"), leaf("write")));
   *
   * @throws TypeError if an option is unknown or invalid, or the tree was not declared with `leaf`, `task` or `iterative`.
   */
  job(options: JobOptions, root: TaskDeclaration): Job {
    checkOptions("job()", options, JOB_OPTIONS);
    checkDeclaration(root);
    const header = {
      ...options,
      jobId: options.jobId ?? uniqueId(),
      database: options.database ?? this.#database,
      username: options.username ?? this.#options.username,
    } as JobDeclaration; // safe: undefined is not sent
    return new Job(header, root, this.#reporter, (error, kind, job) => this.#notify(error, kind, job));
  }

  /**
   * Executes a query or a mutation, without retries. If there are several servers, and the first one does not answer, the
   * request goes to the next one, unless it is a mutation that the first one may have executed (see `isRepeatable`).
   * @throws TidemarkError with the server's code, or UNAVAILABLE if no answer arrived. In that case, the server may
   * still have executed the operation.
   */
  request<Data, Variables>(
    document: ClientDocument<Data, Variables>,
    variables: Variables,
    options?: RequestOptions,
  ): Promise<Data> {
    return this.#transport.request(document, variables, options);
  }

  /** `onError` runs in a microtask, so that its exception can't stop the reports. */
  #notify(error: TidemarkError, kind: string, job?: Job): void {
    const { onError } = this.#options;
    if (onError) return queueMicrotask(() => onError(error, job));
    const { code, message } = error; // the causes are in the message, as far as they help
    const isPassing = !job && code !== "UNAVAILABLE" && code !== "UNAUTHENTICATED"; // such as a busy server
    if (isPassing) return;
    const linesMax = job ? JOBS_NAMED : 0;
    const key = kind + linesMax;
    const count = (this.#errorCounts[key] = (this.#errorCounts[key] ?? 0) + 1);
    if (count > linesMax + 1) return;
    const others = count > linesMax ? " and others" : "";
    const subject = job ? `job ${JSON.stringify(job.jobId)}${others}: ` : "";
    // oxlint-disable-next-line no-console -- a program without `onError` would otherwise never know
    console.error(
      `tidemark: ${subject}${failureReason({ message, code })} ${remedyFor(code, this.#options)}`,
    );
  }
}

/** The jobs that lines about one kind of error name. One more line stands for all others. */
const JOBS_NAMED = 10;

const CONNECT_OPTIONS: Readonly<Record<keyof ConnectOptions, OptionRule>> = {
  url: 2,
  token: 2,
  database: 2,
  username: 2,
  intervalMs: 0,
  heartbeatMs: 0,
  requestTimeoutMs: 0,
  endTimeoutMs: 0,
  endsJobsOnExit: 2,
  onMoved: 2,
  onError: 2,
  clock: 2,
};

const JOB_OPTIONS: Readonly<Record<keyof JobOptions, OptionRule>> = {
  jobId: 2,
  database: 2,
  username: 2,
  leaseSeconds: 2,
  memory: 2,
  onConflict: ["OVERWRITE", "REJECT"] satisfies OnConflict[],
};

/**
 * Creates a connection to a server, given its address, those of several in a list or with commas in between, or options. It
 * sends nothing until a job reports or `request` is called.
 *
 *     const tidemark = connect({ url: "http://127.0.0.1:4000" });
 *
 * @throws TypeError if the address of the server is invalid or an option is unknown or invalid.
 */
export function connect(
  options: ConnectOptions | string | readonly string[] | { readonly href: string } = {},
): Connection {
  const { href, length } = Object(options) as { readonly href?: string; readonly length?: number };
  if (href !== undefined || length !== undefined)
    return new Connection({ url: href ?? (options as string | readonly string[]) });
  checkOptions("connect()", options as ConnectOptions, CONNECT_OPTIONS);
  return new Connection(options as ConnectOptions);
}
