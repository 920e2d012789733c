import type { TidemarkError } from "../../protocol/tidemark-error.js";
import type { WorkersJobFragment } from "../generated/graphql.js";
import { JobCanceled } from "./job-canceled.js";
import { JobSync, type JobDeclaration } from "./job-sync.js";
import type { Reporter } from "./reporter.js";
import type { TaskDeclaration } from "./task-declaration.js";
import { TaskHandle, type TrackOptions } from "./task-handle.js";
import type { Tracked } from "./track.js";
import { waitAtMost } from "./flush.js";

/** How `Job.flush` waits. */
export interface FlushOptions {
  /** How long to wait, milliseconds; keeps the process alive meanwhile. Default 5,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * A job: a tree of tasks that is reported while it is worked on. It is stored with the first thing that is said of it.
 * A server that is away holds up nothing: what is said waits for it.
 *
 *     const job = tidemark.job({ jobId: "nightly-import" }, task("Import", leaf("read"), leaf("write")));
 *     await job.run(async (task) => { … });
 */
export class Job {
  /** Its id, unique below its database and user. */
  readonly jobId: string;
  /** The root of the tree. */
  readonly task: TaskHandle;
  readonly #outbox: JobSync;
  readonly #reporter: Reporter;
  readonly #stop = new AbortController();

  /** Called by `Connection.job`. */
  constructor(
    header: JobDeclaration,
    spec: TaskDeclaration,
    reporter: Reporter,
    onError: (error: TidemarkError, job: Job) => void,
  ) {
    this.jobId = header.jobId;
    this.#reporter = reporter;
    this.#outbox = new JobSync(header, spec, {
      onChanged: (isUrgent) => reporter.onJobChanged(this.#outbox, isUrgent),
      onAcknowledged: (answer) => this.#answered(answer),
      onRejected: (error) => onError(error, this),
    });
    this.task = new TaskHandle(this.#outbox.root, {
      signal: this.signal,
      log: (level, path, message) => this.#outbox.log({ level, path, message }),
    });
  }

  /** Aborted when the job is to stop; its reason is a `JobCanceled`, which says who asked and why. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Stores it now, PENDING, so that it is seen before its work begins. */
  announce(): void {
    this.#outbox.onChanged(true);
  }

  /**
   * Does the job's work: begins the root, and ends it as `Task.run` says. Gives back what `work` does, or throws what
   * it throws, once the server knows of the end; at once when the server is away, which fails no job.
   * @throws TypeError for a job that has ended.
   */
  async run<Result>(work: (task: TaskHandle) => Result | PromiseLike<Result>): Promise<Result> {
    if (this.#outbox.hasEnded)
      throw new TypeError(`Job ${JSON.stringify(this.jobId)} has ended. Make a new one.`);
    try {
      return await this.task.run(work);
    } finally {
      await this.#reporter.waitForEnds();
    }
  }

  /** As `Task.track`, of the root. */
  track<Item>(items: Iterable<Item>, description?: string, options?: TrackOptions): Tracked<Item>;
  /** As `Task.track`, of the root. */
  track<Item>(items: AsyncIterable<Item>, description?: string, options?: TrackOptions): AsyncIterable<Item>;
  track<Item>(
    items: Iterable<Item> | AsyncIterable<Item>,
    description?: string,
    options?: TrackOptions,
  ): Tracked<Item> | AsyncIterable<Item> {
    // Each of the two is right for its own kind of `items`; overloads can't be called with a union.
    return this.task.track(items as Iterable<Item>, description, options);
  }

  /** Stops the job from within: aborts its signal, so that `run` ends it CANCELED once its work gives way to that. */
  cancel(reason?: string): void {
    this.#stop.abort(new JobCanceled({ reason }));
  }

  /**
   * Resolves once the server has all that was said before.
   * @throws TidemarkError UNAVAILABLE when that takes too long; with the server's code when it refused the job.
   */
  flush({ timeoutMs = 5_000 }: FlushOptions = {}): Promise<void> {
    if (this.#outbox.hasPending) this.#outbox.onChanged(true);
    return waitAtMost(timeoutMs, this.#outbox.waitForFlush());
  }

  #answered({ cancelRequest }: WorkersJobFragment): void {
    if (!cancelRequest || this.signal.aborted || this.#outbox.hasEnded) return;
    const { by, reason } = cancelRequest;
    this.#stop.abort(new JobCanceled({ by, reason: reason ?? undefined }));
  }
}
