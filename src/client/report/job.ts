import { jobUrl } from "../../protocol/job-url.js";
import { unavailable, type TidemarkError } from "../../protocol/tidemark-error.js";
import type { WorkersJobFragment } from "../generated/graphql.js";
import { JobCanceled } from "./job-canceled.js";
import { JobSync, type JobDeclaration } from "./job-sync.js";
import type { Reporter } from "./reporter.js";
import type { TaskDeclaration } from "./task-declaration.js";
import type { TaskSelector } from "./select-task.js";
import { TaskHandle, type TaskScope, type Work } from "./task-handle.js";
import { ignoreUnawaited, keepAlive, type ClientTimer } from "../platform.js";

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
export class Job extends TaskHandle {
  /** The id, unique within its database and user. */
  readonly jobId: string;
  /** The root of the task tree. The job has the same methods. */
  readonly task: TaskHandle;
  readonly #sync: JobSync;
  readonly #reporter: Reporter;
  readonly #stop: AbortController;

  /** @internal Called by `Connection.job`. */
  constructor(
    header: JobDeclaration,
    spec: TaskDeclaration,
    reporter: Reporter,
    onError: (error: TidemarkError, kind: string, job: Job) => void,
  ) {
    const stop = new AbortController();
    const sync = new JobSync(
      header,
      spec,
      {
        onChanged: (isUrgent) => reporter.onJobChanged(sync, isUrgent),
        onAcknowledged: ({ cancelRequest }) => cancelRequest && stopBy(cancelRequest, stop, sync),
        onRejected: (error, kind) => onError(error, kind, this),
      },
      () => reporter.limits.current,
    );
    const scope: TaskScope = { signal: stop.signal, sync };
    super(sync.root, scope);
    this.jobId = header.jobId;
    this.task = new TaskHandle(sync.root, scope);
    this.#sync = sync;
    this.#reporter = reporter;
    this.#stop = stop;
  }

  /**
   * The address of the job's page on the dashboard. Until the server has stored the job, it names no owner unless the program
   * did; the page then finds the job by its id. Of several servers without a public address, it is that of the server that
   * stored the job.
   */
  get url(): string {
    const { limits, transport } = this.#reporter;
    const url = limits.publicUrl ?? this.#sync.storedBy ?? transport.servers.url;
    return jobUrl(url, { ...this.#sync.header, ...this.#sync.stored });
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
  override run<Result>(work: Work<Result>): Promise<Result>;
  /** Runs a task of the job, like `Task.run` of the root. */
  override run<Result>(selector: TaskSelector, work: Work<Result>): Promise<Result>;
  override async run<Result>(
    ...args: [Work<Result>] | [selector: TaskSelector, work: Work<Result>]
  ): Promise<Result> {
    if (args.length === 1 && this.#sync.hasEnded)
      throw new TypeError(`Job ${JSON.stringify(this.jobId)} has already ended. Create a new one.`);
    try {
      return await this.task.run(...(args as [Work<Result>])); // safe: an overload takes each of them
    } finally {
      await this.#reporter.waitForEnd(this.#sync);
    }
  }

  /** Cancels the job from within the program: aborts its signal. `run` ends the job CANCELED once its work throws. */
  override cancel(reason?: string): void {
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
}

/** A user asked the job to stop. */
function stopBy(
  { by, reason }: NonNullable<WorkersJobFragment["cancelRequest"]>,
  stop: AbortController,
  { hasEnded }: JobSync,
): void {
  if (!hasEnded && !stop.signal.aborted) stop.abort(new JobCanceled({ by, reason: reason ?? undefined }));
}

/** Keeps the process alive while it waits. @throws TidemarkError UNAVAILABLE */
async function withTimeout(timeoutMs: number, activeAt: () => number, flushed: Promise<void>): Promise<void> {
  let timer: ClientTimer | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const message = `Reports not confirmed within ${timeoutMs} ms, still retrying.`;
    timer = keepAlive(timeoutMs, () => reject(unavailable(message)), activeAt);
  });
  try {
    await Promise.race([flushed, timeout]);
  } finally {
    timer?.cancel();
  }
}
