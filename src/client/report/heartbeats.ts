/**
 * Heartbeats of jobs without progress. Their answers carry cancel requests, so they are frequent. Once a subscription
 * delivers the cancel requests, heartbeats only renew the lease.
 */
import type { CancelSubscriptions } from "./cancel-subscriptions.js";
import type { UpdateTaskInput } from "../generated/graphql.js";
import type { JobSync } from "./job-sync.js";
import type { ClientClock } from "../platform.js";

/** Allows for a lost or late heartbeat. */
const HEARTBEATS_PER_LEASE = 3;

export interface HeartbeatOptions {
  readonly clock: ClientClock;
  /** The interval while heartbeats poll for cancel requests, milliseconds. */
  readonly heartbeatMs: number;
}

export class Heartbeats {
  readonly #cancelRequests: CancelSubscriptions;
  readonly #options: HeartbeatOptions;

  constructor(cancelRequests: CancelSubscriptions, options: HeartbeatOptions) {
    this.#cancelRequests = cancelRequests;
    this.#options = options;
  }

  /** Time between two heartbeats of this job, milliseconds. */
  intervalMs(job: JobSync): number {
    const { heartbeatMs } = this.#options;
    const leaseMs = (job.stored?.leaseSeconds ?? Infinity) * 1_000;
    return Math.min(
      leaseMs / HEARTBEATS_PER_LEASE,
      this.#cancelRequests.isSubscribed(job) ? Infinity : heartbeatMs,
    );
  }

  /** The heartbeat of a job without progress, if it is due. Also subscribes to the job's cancel requests. */
  dueHeartbeat(job: JobSync): UpdateTaskInput | undefined {
    if (!this.#isQuiet(job)) return undefined;
    this.#cancelRequests.subscribe(job);
    return job.heartbeat();
  }

  /** Heartbeats that are due soon are sent early, so that jobs share requests. */
  #isQuiet(job: JobSync): boolean {
    const quietMs = this.#options.clock.now() - job.acknowledgedAt;
    return !job.hasEnded && quietMs >= this.intervalMs(job) / 2;
  }
}
