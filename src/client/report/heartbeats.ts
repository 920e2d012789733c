/**
 * What a job that is quiet says: that its worker lives. The answers tell whether somebody wants it to stop, so
 * heartbeats come often; once a subscription tells that, a heartbeat has but to renew the lease.
 */
import type { CancelSubscriptions } from "./cancel-subscriptions.js";
import type { UpdateTaskInput } from "../generated/graphql.js";
import type { JobSync } from "./job-sync.js";
import type { ClientClock } from "../platform.js";

/** So one may be lost, or late. */
const HEARTBEATS_PER_LEASE = 3;

export interface HeartbeatOptions {
  readonly clock: ClientClock;
  /** Between two, while cancel requests have to be asked for, milliseconds. */
  readonly heartbeatMs: number;
}

export class Heartbeats {
  readonly #cancelRequests: CancelSubscriptions;
  readonly #options: HeartbeatOptions;

  constructor(cancelRequests: CancelSubscriptions, options: HeartbeatOptions) {
    this.#cancelRequests = cancelRequests;
    this.#options = options;
  }

  /** Between two of this job, milliseconds. */
  intervalMs(outbox: JobSync): number {
    const { heartbeatMs } = this.#options;
    const leaseMs = (outbox.stored?.leaseSeconds ?? Infinity) * 1_000;
    return Math.min(
      leaseMs / HEARTBEATS_PER_LEASE,
      this.#cancelRequests.isSubscribed(outbox) ? Infinity : heartbeatMs,
    );
  }

  /** Its heartbeat, where it is quiet; from then on the job is listened for. */
  dueHeartbeat(outbox: JobSync): UpdateTaskInput | undefined {
    if (!this.#isQuiet(outbox)) return undefined;
    this.#cancelRequests.subscribe(outbox);
    return outbox.heartbeat();
  }

  /** Those that will be due soon come along, so that all quiet jobs have their heartbeats together. */
  #isQuiet(outbox: JobSync): boolean {
    const quietMs = this.#options.clock.now() - outbox.acknowledgedAt;
    return !outbox.hasEnded && quietMs >= this.intervalMs(outbox) / 2;
  }
}
