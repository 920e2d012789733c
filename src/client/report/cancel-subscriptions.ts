/**
 * Hears at once when somebody wants a job to stop, for jobs that are quiet: one subscription for all jobs that a
 * connection has of one user in one database. While it does not get through, its jobs ask by their heartbeats.
 */
import { CancelRequestsDocument, type CancelRequestsSubscription } from "../generated/graphql.js";
import type { JobSync, AcknowledgedJob } from "./job-sync.js";
import type { ClientClock } from "../platform.js";
import type { HttpTransport } from "../transport/http-transport.js";
import { WatchConnection } from "../watch/watch-connection.js";

export interface CancelSubscriptionsOptions {
  readonly transport: HttpTransport;
  readonly clock: ClientClock;
  /** What was told by a subscription has to be asked for from now on, until it is back. */
  readonly onDisconnected: () => void;
}

/** Users and databases that are listened to; the jobs of others ask. */
const LISTENINGS_MAX = 8;
/** The answers to heartbeats tell too, so a connection that is half open may be found late, milliseconds. */
const KEEP_ALIVE_MS = 30_000;

export class CancelSubscriptions {
  readonly #options: CancelSubscriptionsOptions;
  readonly #listenings = new Map<string, Listening>();

  constructor(options: CancelSubscriptionsOptions) {
    this.#options = options;
  }

  /** Whether the job is told by itself, so that it need not ask. */
  isSubscribed(outbox: JobSync): boolean {
    const listening = outbox.stored && this.#listenings.get(ownerOf(outbox.stored));
    return listening?.isLive === true && listening.jobs.has(outbox);
  }

  /** From now on for this job too. */
  subscribe(outbox: JobSync): void {
    if (!outbox.stored) return;
    const owner = ownerOf(outbox.stored);
    const listening = this.#listenings.get(owner) ?? this.#open(owner, outbox.stored);
    listening?.jobs.add(outbox);
  }

  /** No longer for this one. */
  unsubscribe(outbox: JobSync): void {
    for (const [owner, { jobs, connection }] of this.#listenings) {
      if (!jobs.delete(outbox) || jobs.size > 0) continue;
      connection.close();
      this.#listenings.delete(owner);
    }
  }

  /** Until somebody listens again. */
  close(): void {
    for (const { connection } of this.#listenings.values()) connection.close();
    this.#listenings.clear();
    this.#options.onDisconnected();
  }

  #open(owner: string, { database, username }: AcknowledgedJob): Listening | undefined {
    if (this.#listenings.size >= LISTENINGS_MAX) return undefined;
    const { transport, clock } = this.#options;
    const environment = { clock, random: Math.random };
    const end = (): void => {
      listening.isLive = false;
      this.#options.onDisconnected();
    };
    const connection = new WatchConnection<CancelRequestsSubscription>(
      {
        url: new URL(`${transport.url}/graphql`),
        token: transport.token,
        transport: "websocket", // server-sent events would keep a process alive
        isInBackground: true,
        keepAliveMs: KEEP_ALIVE_MS,
        request: () => ({ query: String(CancelRequestsDocument), variables: { database, username } }),
        onData: ({ cancelRequests }) => tell(listening, cancelRequests),
        onDisconnected: end,
        onRejected: end,
      },
      environment,
    );
    const listening: Listening = { connection, jobs: new Set(), isLive: false };
    this.#listenings.set(owner, listening);
    void connection.run(); // never rejects
    return listening;
  }
}

interface Listening {
  readonly connection: WatchConnection<CancelRequestsSubscription>;
  readonly jobs: Set<JobSync>;
  /** Whether all that was asked for so far was told, and what will be is told at once. */
  isLive: boolean;
}

function tell(listening: Listening, told: CancelRequestsSubscription["cancelRequests"]): void {
  listening.isLive = true;
  for (const job of told) {
    for (const outbox of listening.jobs) if (outbox.stored?.id === job.id) outbox.onJobEvent(job);
  }
}

function ownerOf({ database, username }: AcknowledgedJob): string {
  return JSON.stringify([database, username]);
}
