import { createHash } from "node:crypto";
import type { JournalHead, JournalSlice } from "./journal.js";
import { plainJob } from "./plain-records.js";

/** Sums up what a load passes on, in any order, so that two databases can be compared without keeping either in memory. */
export class ContentSum {
  jobs = 0;
  removals = 0;
  #sum = 0;

  add({ jobs, removals }: JournalSlice): void {
    for (const job of jobs) {
      const { username, jobId, revision, storedRevision, header, log } = job;
      const { tasks } = plainJob(job) as { readonly tasks: unknown };
      this.#add([username, jobId, revision, storedRevision, header, tasks, log]);
    }
    for (const { username, jobId, revision, reason, removedAt, attempt, version } of removals)
      this.#add([username, jobId, revision, reason, removedAt, attempt, version]);
    this.jobs += jobs.length;
    this.removals += removals.length;
  }

  /** The content and its place in the history as text, such as `epoch.17.0: 3 jobs, 1 removals, sum 1f…`. */
  describe({ epoch, revision, tombstoneHorizon }: JournalHead): string {
    const sum = this.#sum.toString(16);
    return `${epoch}.${revision}.${tombstoneHorizon}: ${this.jobs} jobs, ${this.removals} removals, sum ${sum}`;
  }

  #add(content: readonly unknown[]): void {
    const digest = createHash("sha256").update(JSON.stringify(content)).digest();
    this.#sum = (this.#sum + digest.readUIntBE(0, SUM_BYTES)) % 2 ** (8 * SUM_BYTES);
  }
}

/** As many as are exact in a number. */
const SUM_BYTES = 6;
