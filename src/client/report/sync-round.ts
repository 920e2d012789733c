/** One round of requests: look up the epochs of missing jobs, store new trees, add tasks, then send all reports. */
import { parsePosition } from "../../protocol/position.js";
import type { TidemarkError } from "../../protocol/tidemark-error.js";
import { GrowJobDocument, HistoryDocument, StoreJobDocument } from "../generated/graphql.js";
import type { JobSync } from "./job-sync.js";
import { isRetryable } from "../transport/response-error.js";
import type { ReportBatch } from "./report-batch.js";
import type { ServerLimits } from "../transport/server-limits.js";
import type { ClientClock } from "../platform.js";
import type { HttpTransport } from "../transport/http-transport.js";

const REQUESTS_AT_ONCE = 8;

export interface SyncRoundOptions {
  readonly transport: HttpTransport;
  readonly clock: ClientClock;
  readonly reports: ReportBatch;
  readonly limits: ServerLimits;
  /** The jobs that may have something to send. */
  readonly jobs: Set<JobSync>;
}

export class SyncRound {
  readonly #options: SyncRoundOptions;
  /** One per round, because combined signals live as long as their source. */
  readonly #abort = new AbortController();

  constructor(options: SyncRoundOptions) {
    this.#options = options;
  }

  /** @throws TidemarkError if the server is unreachable or a request may succeed later. */
  async run(): Promise<void> {
    const { jobs, reports, limits } = this.#options;
    await limits.refresh(this.#request);
    await this.#lookUpEpochs();
    await this.#forEach(
      ({ needsStore }) => needsStore,
      (job) => this.#store(job),
    );
    await this.#forEach(
      ({ hasTasksToAdd }) => hasTasksToAdd,
      (job) => this.#addTasks(job),
    );
    await reports.send(jobs, this.#request);
  }

  abort(): void {
    this.#abort.abort();
  }

  readonly #request: HttpTransport["request"] = (document, variables) =>
    this.#options.transport.request(document, variables, { signal: this.#abort.signal });

  /** Acts on each wanted job, with bounded concurrency. Throws if the server is unreachable. */
  async #forEach(isWanted: (job: JobSync) => boolean, act: (job: JobSync) => Promise<void>): Promise<void> {
    const wanted = [...this.#options.jobs].filter(isWanted);
    for (let from = 0; from < wanted.length; from += REQUESTS_AT_ONCE) {
      const outcomes = await Promise.allSettled(wanted.slice(from, from + REQUESTS_AT_ONCE).map(act));
      const failed = outcomes.find((outcome) => outcome.status === "rejected");
      if (failed) throw failed.reason;
    }
  }

  async #lookUpEpochs(): Promise<void> {
    const epochs = new Map<string, Promise<string>>();
    await this.#forEach(
      ({ isMissing }) => isMissing,
      async (job) => {
        const { database } = job.header;
        if (!epochs.has(database)) epochs.set(database, this.#epochOf(database));
        job.onDatabaseEpoch(await epochs.get(database)!);
      },
    );
  }

  async #epochOf(database: string): Promise<string> {
    const { tasks } = await this.#request(HistoryDocument, { database });
    return tasks ? parsePosition(tasks.position).epoch : "";
  }

  #store(job: JobSync): Promise<void> {
    return this.#stopIfRejected(job, async () => {
      const { storeTask } = await this.#request(StoreJobDocument, { input: job.takeStoreRequest() });
      job.onStoreAcknowledged(storeTask?.userTask, this.#options.clock.now());
    });
  }

  #addTasks(job: JobSync): Promise<void> {
    return this.#stopIfRejected(job, async () => {
      while (job.hasTasksToAdd) {
        const { addTasks } = await this.#request(GrowJobDocument, { input: job.takeAddTasksRequest() });
        job.onAddTasksAcknowledged(addTasks?.userTask, this.#options.clock.now());
      }
    });
  }

  /** The server may have restarted with other limits: a job that exceeds one is tried again, once. */
  async #stopIfRejected(job: JobSync, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      const rejection = error as TidemarkError; // safe: the transport throws nothing else
      if (isRetryable(rejection)) throw rejection;
      const { limit } = rejection.extensions;
      if (!limit || job.stored || limit === job.exceeded) return job.onJobRejected(rejection);
      job.exceeded = limit;
      job.restart();
      this.#options.limits.isStale = true;
    }
  }
}
