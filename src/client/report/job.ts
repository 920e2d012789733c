import { jobUrl } from "../../protocol/job-url.js";
import { unavailable, type TidemarkError } from "../../protocol/tidemark-error.js";
import type { WorkersJobFragment } from "../generated/graphql.js";
import { JobCanceled } from "./job-canceled.js";
import { JobSync, type JobDeclaration } from "./job-sync.js";
import type { Reporter } from "./reporter.js";
import type { TaskDeclaration } from "./task-declaration.js";
import { TaskHandle, type TrackOptions } from "./task-handle.js";
import type { TaskLog } from "./task-log.js";
import type { Tracked } from "./track.js";
import { ignoreUnawaited, keepAlive, type ClientTimer, type PlatformSignal } from "../platform.js";

/** Options of `Job.flush`. */
export interface FlushOptions {
  /**
   * Time limit, milliseconds. The process stays alive while it waits. Default: 5,000 without any answer; a busy server
   * may take longer.
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * A job: a tree of tasks whose progress is reported while the work runs. The server stores it with its first report.
 * The work never waits for the server: while the server is unreachable, reports are merged and sent later.
 *
 *     const job = tidemark.job({ jobId: "nightly-import" }, task("Import", leaf("read"), leaf("write")));
 *     await job.run(async (root) => {
 *       await root.run("read", (read) => read.advance(100));
 *     });
 */
export class Job {
  /** The id, unique within its database and user. */
  readonly jobId: string;
  /** The root of the task tree. */
  readonly task: TaskHandle;
  readonly #sync: JobSync;
  readonly #reporter: Reporter;
  readonly #stop = new AbortController();

  /** @internal Called by `Connection.job`. */
  constructor(
    header: JobDeclaration,
    spec: TaskDeclaration,
    reporter: Reporter,
    onError: (error: TidemarkError, job: Job) => void,
  ) {
    this.jobId = header.jobId;
    this.#reporter = reporter;
    this.#sync = new JobSync(
      header,
      spec,
      {
        onChanged: (isUrgent) => reporter.onJobChanged(this.#sync, isUrgent),
        onAcknowledged: (answer) => this.#onAcknowledged(answer),
        onRejected: (error) => onError(error, this),
      },
      () => reporter.limits.current,
    );
    this.task = new TaskHandle(this.#sync.root, {
      signal: this.signal,
      log: (task, level, message) => this.#sync.log(task, level, message),
    });
  }

  /** Aborted when the job is canceled, here or on the server. Its reason is a `JobCanceled` with the user and why. */
  get signal(): PlatformSignal {
    return this.#stop.signal;
  }

  /** The log of the job. Its lines name the root. `log` of a task names that task. */
  get log(): TaskLog {
    return this.task.log;
  }

  /**
   * The address of the job's page on the dashboard. Until the server has stored the job, it names no owner unless the
   * program did.
   */
  get url(): string {
    const { database, username } = this.#sync.stored ?? this.#sync.header;
    return jobUrl(this.#reporter.transport.url, { database, username: username ?? "", jobId: this.jobId });
  }

  /** Stores the job now, PENDING, so that watchers see it before its work starts. */
  announce(): void {
    this.#sync.onChanged(true);
  }

  /**
   * Runs the work of the job: starts the root, calls `work` and ends the root as `Task.run` does. Resolves with the
   * result of `work`, or rejects with its error, once the server has stored the end of the job. An unreachable server
   * never fails the job: `run` then settles without waiting.
   *
   *     const rows = await job.run(async (root) => {
   *       for await (const row of root.track(source, "rows")) await insert(row);
   *     });
   *
   * @throws TypeError if the job has already ended.
   */
  async run<Result>(work: (task: TaskHandle) => Result | PromiseLike<Result>): Promise<Result> {
    if (this.#sync.hasEnded)
      throw new TypeError(`Job ${JSON.stringify(this.jobId)} has already ended. Create a new one.`);
    try {
      return await this.task.run(work);
    } finally {
      await this.#reporter.waitForEnd(this.#sync);
    }
  }

  /** Counts the items of a loop, like `Task.track` on the root. */
  track<Item>(items: Iterable<Item>, description?: string, options?: TrackOptions): Tracked<Item>;
  /** Counts the items of a `for await` loop, like `Task.track` on the root. */
  track<Item>(items: AsyncIterable<Item>, description?: string, options?: TrackOptions): AsyncIterable<Item>;
  track<Item>(
    items: Iterable<Item> | AsyncIterable<Item>,
    description?: string,
    options?: TrackOptions,
  ): Tracked<Item> | AsyncIterable<Item> {
    // Safe: each overload handles its kind of `items`, but overloads can't be called with a union.
    return this.task.track(items as Iterable<Item>, description, options);
  }

  /** Cancels the job from within the program: aborts its signal. `run` ends the job CANCELED once its work throws. */
  cancel(reason?: string): void {
    this.#stop.abort(new JobCanceled({ reason }));
  }

  /**
   * Sends pending reports and resolves once the server has stored everything reported before this call.
   * If nothing awaits it, a rejection is ignored.
   * @throws TidemarkError UNAVAILABLE if the time limit is exceeded, or with the server's code if it rejects the job.
   */
  flush({ timeoutMs }: FlushOptions = {}): Promise<void> {
    if (this.#sync.hasPending) this.#sync.onChanged(true);
    const startedAt = performance.now();
    const activeAt = (): number => (timeoutMs === undefined ? this.#reporter.answeredAt : startedAt);
    return ignoreUnawaited(withTimeout(timeoutMs ?? 5_000, activeAt, this.#sync.waitForFlush()));
  }

  #onAcknowledged({ cancelRequest }: WorkersJobFragment): void {
    if (!cancelRequest || this.signal.aborted || this.#sync.hasEnded) return;
    const { by, reason } = cancelRequest;
    this.#stop.abort(new JobCanceled({ by, reason: reason ?? undefined }));
  }
}

/** Keeps the process alive while it waits. @throws TidemarkError UNAVAILABLE */
async function withTimeout(timeoutMs: number, activeAt: () => number, flushed: Promise<void>): Promise<void> {
  let timer: ClientTimer | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const message = `Reports not confirmed within ${timeoutMs} ms. The client keeps retrying.`;
    timer = keepAlive(timeoutMs, () => reject(unavailable(message)), activeAt);
  });
  try {
    await Promise.race([flushed, timeout]);
  } finally {
    timer?.cancel();
  }
}
