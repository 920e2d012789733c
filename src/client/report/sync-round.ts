/**
 * One round: what is asked of the server, in this order, and what is made of the answers. Whether the history of a job
 * that it does not have is still there; trees that are new; tasks that were added; then all reports.
 */
import { parsePosition } from "../../protocol/position.js";
import type { TidemarkError } from "../../protocol/tidemark-error.js";
import { GrowJobDocument, HistoryDocument, StoreJobDocument } from "../generated/graphql.js";
import type { JobSync } from "./job-sync.js";
import { isRetryable } from "../transport/response-error.js";
import type { ReportBatch } from "./report-batch.js";
import type { ClientClock } from "../platform.js";
import type { HttpTransport } from "../transport/http-transport.js";

const REQUESTS_AT_ONCE = 8;

export interface SyncRoundOptions {
  readonly transport: HttpTransport;
  readonly clock: ClientClock;
  readonly reports: ReportBatch;
  /** Jobs that have something to say, or may have. */
  readonly outboxes: Set<JobSync>;
}

export class SyncRound {
  readonly #options: SyncRoundOptions;
  /** One a round: what is combined with a signal stays with it for as long as that lives. */
  readonly #abort = new AbortController();

  constructor(options: SyncRoundOptions) {
    this.#options = options;
  }

  /** @throws TidemarkError when the server is away, or can't take something now. */
  async run(): Promise<void> {
    const { outboxes, reports } = this.#options;
    await this.#lookForMissed();
    await this.#forEach(
      ({ needsStore }) => needsStore,
      (outbox) => this.#store(outbox),
    );
    await this.#forEach(
      ({ hasTasksToAdd }) => hasTasksToAdd,
      (outbox) => this.#grow(outbox),
    );
    await reports.send(outboxes, this.#ask);
  }

  /** Gives up what is under way. */
  abort(): void {
    this.#abort.abort();
  }

  readonly #ask: HttpTransport["request"] = (document, variables) =>
    this.#options.transport.request(document, variables, { signal: this.#abort.signal });

  /** Does it for each that is wanted, several at once. Throws when the server is away. */
  async #forEach(
    isWanted: (outbox: JobSync) => boolean,
    act: (outbox: JobSync) => Promise<void>,
  ): Promise<void> {
    const wanted = [...this.#options.outboxes].filter(isWanted);
    for (let from = 0; from < wanted.length; from += REQUESTS_AT_ONCE) {
      const outcomes = await Promise.allSettled(wanted.slice(from, from + REQUESTS_AT_ONCE).map(act));
      const failed = outcomes.find((outcome) => outcome.status === "rejected");
      if (failed) throw failed.reason;
    }
  }

  async #lookForMissed(): Promise<void> {
    const epochs = new Map<string, Promise<string>>();
    await this.#forEach(
      ({ isMissing }) => isMissing,
      async (outbox) => {
        const { database } = outbox.header;
        if (!epochs.has(database)) epochs.set(database, this.#epochOf(database));
        outbox.onDatabaseEpoch(await epochs.get(database)!);
      },
    );
  }

  async #epochOf(database: string): Promise<string> {
    const { tasks } = await this.#ask(HistoryDocument, { database });
    return tasks ? parsePosition(tasks.position).epoch : "";
  }

  #store(outbox: JobSync): Promise<void> {
    return orRefused(outbox, async () => {
      const { storeTask } = await this.#ask(StoreJobDocument, { input: outbox.takeStoreRequest() });
      outbox.onStoreAcknowledged(storeTask?.userTask, this.#options.clock.now());
    });
  }

  #grow(outbox: JobSync): Promise<void> {
    return orRefused(outbox, async () => {
      while (outbox.hasTasksToAdd) {
        const { addTasks } = await this.#ask(GrowJobDocument, { input: outbox.takeAddTasksRequest() });
        outbox.onAddTasksAcknowledged(addTasks?.userTask, this.#options.clock.now());
      }
    });
  }
}

async function orRefused(outbox: JobSync, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const refusal = error as TidemarkError; // the transport throws nothing else
    if (isRetryable(refusal)) throw refusal;
    outbox.onJobRejected(refusal);
  }
}
