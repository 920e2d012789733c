/**
 * Batches the reports of all jobs into one `updateTasks` request; reports that do not fit go into the next one. The
 * server rejects inputs one by one. If it rejects a whole request, the batch size is halved until the faulty input is
 * found. It does the same if the reports were applied and the server could not build the answer: the others are sent
 * again, which changes nothing.
 */
import type { ClientLimits } from "../../protocol/client-limits.js";
import { limitFromMessage, type TidemarkError } from "../../protocol/tidemark-error.js";
import { ReportJobsDocument, type ReportJobsMutation, type UpdateTaskInput } from "../generated/graphql.js";
import type { Heartbeats } from "./heartbeats.js";
import type { JobSync } from "./job-sync.js";
import { isBusy, isRetryable, toTidemarkError } from "../transport/response-error.js";
import type { ClientClock } from "../platform.js";
import { jsonBytes, variablesBytesMax, type ServerLimits } from "../transport/server-limits.js";
import type { HttpTransport } from "../transport/http-transport.js";

/** Keep a request short, even if the server accepts more. */
const INPUTS_PER_REQUEST = 500;
const BYTES_PER_REQUEST = 300_000;

export class ReportBatch {
  readonly #heartbeats: Heartbeats;
  readonly #clock: ClientClock;
  readonly #limits: ServerLimits;
  #inputsMax = INPUTS_PER_REQUEST;
  #isTruncated = false;

  constructor(heartbeats: Heartbeats, clock: ClientClock, limits: ServerLimits) {
    this.#heartbeats = heartbeats;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Whether some reports did not fit into the latest request. */
  get isTruncated(): boolean {
    return this.#isTruncated;
  }

  /**
   * Sends the reports of the jobs in the order of the set. If the batch is truncated, its jobs move to the end, so that
   * every job gets its turn.
   * @param onProgress is called if the server took a report, or is too busy for one.
   * @throws TidemarkError if the server temporarily rejects reports; the next call sends them again.
   */
  async send(jobs: Set<JobSync>, request: HttpTransport["request"], onProgress: () => void): Promise<void> {
    const batch = this.#take(jobs);
    if (batch.length === 0) return;
    if (this.#isTruncated) moveToBack(jobs, batch);
    const inputs = batch.map(({ input }) => input);
    const answer = await request(ReportJobsDocument, { inputs }).catch((error: TidemarkError) =>
      this.#onBatchRejected(batch, error),
    );
    if (answer) this.#onAnswer(batch, answer.updateTasks ?? [], onProgress);
  }

  #take(jobs: ReadonlySet<JobSync>): readonly BatchItem[] {
    const batch: BatchItem[] = [];
    const limits = this.#limits.current;
    const inputsMax = inputsWithin(limits, this.#inputsMax);
    let bytesLeft = Math.min(BYTES_PER_REQUEST, variablesBytesMax(limits));
    this.#isTruncated = false;
    for (const job of jobs) {
      for (const input of this.#inputsOf(job)) {
        bytesLeft -= jsonBytes(input);
        this.#isTruncated = batch.length >= inputsMax || (bytesLeft < 0 && batch.length > 0);
        if (this.#isTruncated) return batch;
        batch.push({ job, input });
      }
    }
    return batch;
  }

  #inputsOf(job: JobSync): readonly UpdateTaskInput[] {
    if (!job.isReportable) return [];
    const reports = job.takeReports();
    if (reports.length > 0) return reports;
    const heartbeat = this.#heartbeats.dueHeartbeat(job);
    return heartbeat ? [heartbeat] : [];
  }

  #onBatchRejected(batch: readonly BatchItem[], error: TidemarkError): void {
    const { applied } = error.extensions;
    if (isRetryable(error) && !applied) throw error;
    this.#limits.isStale = true;
    const [{ job, input }] = batch as [BatchItem]; // safe: send checked it
    if (batch.length === 1 && applied) job.onReportAcknowledged(input, undefined, this.#clock.now());
    else if (batch.length === 1) job.onReportRejected(input, error);
    else this.#inputsMax = Math.ceil(batch.length / 2);
  }

  #onAnswer(batch: readonly BatchItem[], answers: readonly InputAnswer[], onProgress: () => void): void {
    const now = this.#clock.now();
    this.#inputsMax = INPUTS_PER_REQUEST;
    const transient: TidemarkError[] = [];
    for (const [index, { job, input }] of batch.entries()) {
      const { error, userTask } = answers[index] ?? {};
      const rejection = error && inputError(error);
      if (rejection && isRetryable(rejection)) {
        transient.push(rejection);
        continue;
      }
      if (input.updates || input.log) onProgress();
      if (rejection) {
        this.#limits.isStale = true;
        job.onReportRejected(input, rejection);
      } else job.onReportAcknowledged(input, userTask ?? undefined, now);
    }
    const busy = transient.find(isBusy);
    if (busy) onProgress();
    if (transient[0]) throw busy ?? transient[0];
  }
}

interface BatchItem {
  readonly job: JobSync;
  readonly input: UpdateTaskInput;
}

type InputAnswer = NonNullable<ReportJobsMutation["updateTasks"]>[number];

/** How many inputs one request may have. */
export function inputsWithin({ inputsPerRequestMax, queryCostMax }: ClientLimits, wanted: number): number {
  return Math.min(wanted, inputsPerRequestMax, Math.floor(queryCostMax / FIELDS_PER_INPUT));
}

/** At least the fields of the answer to one input. */
const FIELDS_PER_INPUT = 20;

function moveToBack(jobs: Set<JobSync>, sent: readonly BatchItem[]): void {
  for (const { job } of sent) {
    jobs.delete(job);
    jobs.add(job);
  }
}

/** Reads the exceeded limit from the message, because older servers have no field for it. */
function inputError({ code, message }: NonNullable<InputAnswer["error"]>): TidemarkError {
  const limit = limitFromMessage(message);
  return toTidemarkError({ message, extensions: { code, ...(limit && { limit }) } }, "INTERNAL");
}
