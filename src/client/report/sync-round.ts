/**
 * One round of requests: look up the epochs of missing jobs, store new trees, add tasks, then send all reports. If the
 * server limits the rate, the new trees could use up every round, so the reports of stored jobs go first.
 */
import { epochOf } from "../../protocol/position.js";
import type { TidemarkError } from "../../protocol/tidemark-error.js";
import {
  GrowJobDocument,
  HistoryDocument,
  StoreJobDocument,
  type GrowJobMutation,
} from "../generated/graphql.js";
import type { JobSync } from "./job-sync.js";
import { isBusy, isRetryable } from "../transport/response-error.js";
import type { ReportBatch } from "./report-batch.js";
import type { ServerLimits } from "../transport/server-limits.js";
import type { ClientClock } from "../platform.js";
import type { HttpTransport } from "../transport/http-transport.js";

const REQUESTS_AT_ONCE = 8;
/** Limits how long the reports of other jobs wait while thousands of jobs are stored. */
const STORES_BETWEEN_REPORTS = 200;
/** Limits how long the reports of all jobs wait for a job that adds tasks all the time. */
const ADDITIONS_BEFORE_REPORTS = 20;

export interface SyncRoundOptions {
  readonly transport: HttpTransport;
  readonly clock: ClientClock;
  readonly reports: ReportBatch;
  readonly limits: ServerLimits;
  /** The jobs that may have something to send. */
  readonly jobs: Set<JobSync>;
  /** Whether the server rejected requests of the previous round because it is busy. */
  readonly isServerBusy: boolean;
  /** The server took a report, or answered that it is busy. A heartbeat is not progress. */
  readonly onProgress: () => void;
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
    const { jobs, reports, limits, isServerBusy, onProgress } = this.#options;
    await limits.refresh(this.#request);
    await this.#lookUpEpochs();
    if (isServerBusy) await reports.send(jobs, this.#request, onProgress);
    const unstored = [...jobs].filter(({ needsStore }) => needsStore);
    for (let from = 0; from < unstored.length; from += STORES_BETWEEN_REPORTS) {
      if (from > 0) await reports.send(jobs, this.#request, onProgress);
      await this.#forEach(unstored.slice(from, from + STORES_BETWEEN_REPORTS), (job) => this.#store(job));
    }
    await this.#forEach(
      [...jobs].filter(({ hasTasksToAdd }) => hasTasksToAdd),
      (job) => this.#addTasks(job),
    );
    await reports.send(jobs, this.#request, onProgress);
  }

  abort(): void {
    this.#abort.abort();
  }

  readonly #request: HttpTransport["request"] = async (document, variables) => {
    const { transport, onProgress } = this.#options;
    try {
      return await transport.request(document, variables, { signal: this.#abort.signal, isRepeatable: true });
    } catch (error) {
      if (isBusy(error as TidemarkError)) onProgress(); // safe: the transport throws nothing else
      throw error;
    }
  };

  /** Acts on each job, with bounded concurrency. Throws if the server is unreachable. */
  async #forEach(wanted: readonly JobSync[], act: (job: JobSync) => Promise<void>): Promise<void> {
    for (let from = 0; from < wanted.length; from += REQUESTS_AT_ONCE) {
      const outcomes = await Promise.allSettled(wanted.slice(from, from + REQUESTS_AT_ONCE).map(act));
      const failed = outcomes.find((outcome) => outcome.status === "rejected");
      if (failed) throw failed.reason;
    }
  }

  async #lookUpEpochs(): Promise<void> {
    const epochs = new Map<string, string>();
    for (const job of this.#options.jobs) {
      if (!job.isMissing) continue;
      const { database } = job.header;
      const epoch = epochs.get(database) ?? (await this.#epochOf(database));
      epochs.set(database, epoch);
      job.onDatabaseEpoch(epoch);
    }
  }

  async #epochOf(database: string): Promise<string> {
    const { tasks } = await this.#request(HistoryDocument, { database });
    return tasks ? epochOf(tasks.position) : "";
  }

  #store(job: JobSync): Promise<void> {
    return this.#stopIfRejected(job, async () => {
      const { storeTask } = await this.#request(StoreJobDocument, { input: job.takeStoreRequest() });
      this.#options.onProgress();
      job.storedBy = this.#options.transport.servers.url;
      job.onStoreAcknowledged(storeTask?.userTask, this.#options.clock.now());
    });
  }

  #addTasks(job: JobSync): Promise<void> {
    return this.#stopIfRejected(job, async () => {
      for (let count = 0; job.hasTasksToAdd && count < ADDITIONS_BEFORE_REPORTS; count++) {
        const { addTasks } = await this.#request(GrowJobDocument, { input: job.takeAddTasksRequest() }).catch(
          withoutResult,
        );
        this.#options.onProgress();
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

/** The tasks were added, although the server could not build the answer. */
function withoutResult(error: TidemarkError): GrowJobMutation {
  if (error.extensions.applied) return { addTasks: null };
  throw error;
}
