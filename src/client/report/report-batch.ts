/**
 * All reports of all jobs in one `updateTasks`, or as many as fit: the rest goes with the next one. What is refused in
 * it is one input; where a request is refused whole, smaller ones are tried, until the fault is found.
 */
import { limitFromMessage, type TidemarkError } from "../../protocol/tidemark-error.js";
import { ReportJobsDocument, type ReportJobsMutation, type UpdateTaskInput } from "../generated/graphql.js";
import type { Heartbeats } from "./heartbeats.js";
import type { JobSync } from "./job-sync.js";
import { isRetryable, toTidemarkError } from "../transport/response-error.js";
import type { ClientClock } from "../platform.js";
import type { HttpTransport } from "../transport/http-transport.js";

const INPUTS_PER_REQUEST = 500;
/** Well below what a server takes. */
const CHARACTERS_PER_REQUEST = 300_000;

export class ReportBatch {
  readonly #heartbeats: Heartbeats;
  readonly #clock: ClientClock;
  #inputsMax = INPUTS_PER_REQUEST;
  #isCutShort = false;

  constructor(heartbeats: Heartbeats, clock: ClientClock) {
    this.#heartbeats = heartbeats;
    this.#clock = clock;
  }

  /** More was to be said than fitted into the latest request. */
  get isTruncated(): boolean {
    return this.#isCutShort;
  }

  /**
   * Sends what the jobs have to say, the first first; where not all were heard, those who were are the last then.
   * @throws TidemarkError for what can't be taken now; it is sent again with the next.
   */
  async send(outboxes: Set<JobSync>, ask: HttpTransport["request"]): Promise<void> {
    const batch = this.#take(outboxes);
    if (batch.length === 0) return;
    if (this.#isCutShort) moveToBack(outboxes, batch);
    const inputs = batch.map(({ input }) => input);
    const answer = await ask(ReportJobsDocument, { inputs }).catch((error: TidemarkError) =>
      this.#refused(batch, error),
    );
    if (answer) this.#answered(batch, answer.updateTasks ?? []);
  }

  #take(outboxes: ReadonlySet<JobSync>): readonly Addressed[] {
    const batch: Addressed[] = [];
    let room = CHARACTERS_PER_REQUEST;
    this.#isCutShort = false;
    for (const outbox of outboxes) {
      for (const input of this.#inputsOf(outbox)) {
        this.#isCutShort = batch.length >= this.#inputsMax || room < 0;
        if (this.#isCutShort) return batch;
        batch.push({ outbox, input });
        room -= JSON.stringify(input).length;
      }
    }
    return batch;
  }

  #inputsOf(outbox: JobSync): readonly UpdateTaskInput[] {
    if (!outbox.isReportable) return [];
    const reports = outbox.takeReports();
    if (reports.length > 0) return reports;
    const heartbeat = this.#heartbeats.dueHeartbeat(outbox);
    return heartbeat ? [heartbeat] : [];
  }

  #refused(batch: readonly Addressed[], error: TidemarkError): void {
    if (isRetryable(error)) throw error;
    const [{ outbox, input }] = batch as [Addressed]; // there is one
    if (batch.length === 1) outbox.onReportRejected(input, error);
    else this.#inputsMax = Math.ceil(batch.length / 2);
  }

  #answered(batch: readonly Addressed[], answers: readonly InputAnswer[]): void {
    const now = this.#clock.now();
    this.#inputsMax = INPUTS_PER_REQUEST;
    const passing: TidemarkError[] = [];
    for (const [index, { outbox, input }] of batch.entries()) {
      const { error, userTask } = answers[index] ?? {};
      const refusal = error && refusalOfInput(error);
      if (!refusal) outbox.onReportAcknowledged(input, userTask ?? undefined, now);
      else if (isRetryable(refusal)) passing.push(refusal);
      else outbox.onReportRejected(input, refusal);
    }
    if (passing[0]) throw passing[0];
  }
}

interface Addressed {
  readonly outbox: JobSync;
  readonly input: UpdateTaskInput;
}

type InputAnswer = NonNullable<ReportJobsMutation["updateTasks"]>[number];

/** So that none is left out where there are too many. */
function moveToBack(outboxes: Set<JobSync>, heard: readonly Addressed[]): void {
  for (const { outbox } of heard) {
    outboxes.delete(outbox);
    outboxes.add(outbox);
  }
}

/** Beside its code a refused input tells the limit that was passed in its message only. */
function refusalOfInput({ code, message }: NonNullable<InputAnswer["error"]>): TidemarkError {
  const limit = code === "LIMIT_EXCEEDED" ? limitFromMessage(message) : undefined;
  return toTidemarkError({ message, extensions: { code, ...(limit && { limit }) } }, "INTERNAL");
}
