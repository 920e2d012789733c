/**
 * One round: what is asked of the server, in this order, and what is made of the answers. Whether the history of a job
 * that it does not have is still there; trees that are new; tasks that were added; then all reports.
 */
import { parsePosition } from "../protocol/position.js";
import type { TidemarkError } from "../protocol/tidemark-error.js";
import { GrowJobDocument, HistoryDocument, StoreJobDocument } from "./generated/graphql.js";
import type { Outbox } from "./outbox.js";
import { isPassing } from "./refusal.js";
import type { Reports } from "./reports.js";
import type { ClientClock } from "./surroundings.js";
import type { Transport } from "./transport.js";

const REQUESTS_AT_ONCE = 8;

export interface RoundOptions {
  readonly transport: Transport;
  readonly clock: ClientClock;
  readonly reports: Reports;
  /** Jobs that have something to say, or may have. */
  readonly outboxes: Set<Outbox>;
}

export class Round {
  readonly #options: RoundOptions;
  /** One a round: what is combined with a signal stays with it for as long as that lives. */
  readonly #abort = new AbortController();

  constructor(options: RoundOptions) {
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
      ({ needsGrowth }) => needsGrowth,
      (outbox) => this.#grow(outbox),
    );
    await reports.send(outboxes, this.#ask);
  }

  /** Gives up what is under way. */
  abort(): void {
    this.#abort.abort();
  }

  readonly #ask: Transport["request"] = (document, variables) =>
    this.#options.transport.request(document, variables, { signal: this.#abort.signal });

  /** Does it for each that is wanted, several at once. Throws when the server is away. */
  async #forEach(
    isWanted: (outbox: Outbox) => boolean,
    act: (outbox: Outbox) => Promise<void>,
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
      ({ isMissed }) => isMissed,
      async (outbox) => {
        const { database } = outbox.header;
        if (!epochs.has(database)) epochs.set(database, this.#epochOf(database));
        outbox.lookedFor(await epochs.get(database)!);
      },
    );
  }

  async #epochOf(database: string): Promise<string> {
    const { tasks } = await this.#ask(HistoryDocument, { database });
    return tasks ? parsePosition(tasks.position).epoch : "";
  }

  #store(outbox: Outbox): Promise<void> {
    return orRefused(outbox, async () => {
      const { storeTask } = await this.#ask(StoreJobDocument, { input: outbox.takeStore() });
      outbox.hasStored(storeTask?.userTask, this.#options.clock.now());
    });
  }

  #grow(outbox: Outbox): Promise<void> {
    return orRefused(outbox, async () => {
      while (outbox.needsGrowth) {
        const { addTasks } = await this.#ask(GrowJobDocument, { input: outbox.takeGrowth() });
        outbox.hasGrown(addTasks?.userTask, this.#options.clock.now());
      }
    });
  }
}

async function orRefused(outbox: Outbox, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const refusal = error as TidemarkError; // the transport throws nothing else
    if (isPassing(refusal)) throw refusal;
    outbox.refusedWhole(refusal);
  }
}
