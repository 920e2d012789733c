/**
 * Receives cancel requests for jobs without progress. All jobs of one user in one database share a subscription. While
 * it is disconnected, the jobs poll with their heartbeats.
 */
import { CancelRequestsDocument, type CancelRequestsSubscription } from "../generated/graphql.js";
import type { JobSync, AcknowledgedJob } from "./job-sync.js";
import type { ClientClock } from "../platform.js";
import type { HttpTransport } from "../transport/http-transport.js";
import { ServerList } from "../transport/server-list.js";
import { webSocketTransport } from "../transport/websocket-transport.js";
import { WatchConnection } from "../watch/watch-connection.js";

export interface CancelSubscriptionsOptions {
  readonly transport: HttpTransport;
  readonly clock: ClientClock;
  /** A subscription was lost: until it is back, jobs must poll for cancel requests. */
  readonly onDisconnected: () => void;
}

/** The maximum number of subscriptions, one per user and database. The jobs of further users poll. */
const SUBSCRIPTIONS_MAX = 8;
/** Milliseconds. Long, because answers to heartbeats carry cancel requests too. */
const KEEP_ALIVE_MS = 30_000;

export class CancelSubscriptions {
  readonly #options: CancelSubscriptionsOptions;
  readonly #subscriptions = new Map<string, Subscription>();

  constructor(options: CancelSubscriptionsOptions) {
    this.#options = options;
  }

  /** Whether cancel requests of the job are pushed, so that it need not poll. */
  isSubscribed(job: JobSync): boolean {
    const subscription = job.stored && this.#subscriptions.get(ownerOf(job.stored));
    return subscription?.isLive === true && subscription.jobs.has(job);
  }

  subscribe(job: JobSync): void {
    if (!job.stored) return;
    const owner = ownerOf(job.stored);
    const subscription = this.#subscriptions.get(owner) ?? this.#open(owner, job.stored);
    subscription?.jobs.add(job);
  }

  unsubscribe(job: JobSync): void {
    for (const [owner, { jobs, connection }] of this.#subscriptions) {
      if (!jobs.delete(job) || jobs.size > 0) continue;
      connection.close();
      this.#subscriptions.delete(owner);
    }
  }

  /** Closes all connections. The next `subscribe` opens one again. */
  close(): void {
    for (const { connection } of this.#subscriptions.values()) connection.close();
    this.#subscriptions.clear();
    this.#options.onDisconnected();
  }

  #open(owner: string, { database, username }: AcknowledgedJob): Subscription | undefined {
    if (this.#subscriptions.size >= SUBSCRIPTIONS_MAX) return undefined;
    const { transport, clock } = this.#options;
    const environment = { clock, random: Math.random };
    const onLost = (): void => {
      subscription.isLive = false;
      this.#options.onDisconnected();
    };
    const connection = new WatchConnection<CancelRequestsSubscription>(
      {
        servers: new ServerList(transport.servers.urls),
        token: transport.token,
        attempt: (open) => open(webSocketTransport), // server-sent events would keep a process alive
        isInBackground: true,
        keepAliveMs: KEEP_ALIVE_MS,
        request: () => ({ query: String(CancelRequestsDocument), variables: { database, username } }),
        onData: ({ cancelRequests }) => deliver(subscription, cancelRequests),
        onDisconnected: onLost,
        onRejected: onLost,
      },
      environment,
    );
    const subscription: Subscription = { connection, jobs: new Set(), isLive: false };
    this.#subscriptions.set(owner, subscription);
    void connection.run(); // never rejects
    return subscription;
  }
}

interface Subscription {
  readonly connection: WatchConnection<CancelRequestsSubscription>;
  readonly jobs: Set<JobSync>;
  /** Whether earlier cancel requests have arrived and new ones are pushed. */
  isLive: boolean;
}

function deliver(
  subscription: Subscription,
  canceledJobs: CancelRequestsSubscription["cancelRequests"],
): void {
  subscription.isLive = true;
  for (const canceled of canceledJobs) {
    for (const job of subscription.jobs) if (job.stored?.id === canceled.id) job.onJobEvent(canceled);
  }
}

function ownerOf({ database, username }: AcknowledgedJob): string {
  return JSON.stringify([database, username]);
}
