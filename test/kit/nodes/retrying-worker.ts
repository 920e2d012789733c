import { randomUUID } from "node:crypto";
import { update } from "../../server/jobs.js";

/** Reports to nodes. A report that fails is sent again, to the next node. */
export class RetryingWorker {
  readonly #urls: readonly string[];
  /** Units that were answered. */
  answered = 0;
  #place = 0;

  /** @param urls of the nodes */
  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  /** Reports one unit after the other, each with an id, until this number of units was answered. */
  async reaches(answered: number): Promise<void> {
    for (; this.answered < answered; this.answered++)
      await this.send({ updates: [{ add: 1 }], requestId: randomUUID() });
  }

  /** Sends a report until it is answered. */
  async send(report: object): Promise<void> {
    for (;;) {
      try {
        await update(this.#urls[this.#place % this.#urls.length]!, report);
        return;
      } catch {
        this.#place++;
      }
    }
  }
}
