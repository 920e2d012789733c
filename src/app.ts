import { openAuthenticator } from "./auth/open-authenticator.js";
import type { Config } from "./config/settings.js";
import { DemoWorker } from "./demo/demo-worker.js";
import { Pipeline } from "./graphql/pipeline/pipeline.js";
import { schema } from "./graphql/schema.js";
import { Hub } from "./hub/hub.js";
import type { Journal } from "./journal/journal.js";
import { openJournal } from "./journal/open-journal.js";
import { limitsInForce } from "./protocol/limits.js";
import { HealthProbes } from "./server/health-probes.js";
import { Metrics } from "./server/metrics.js";
import { Server } from "./server/server.js";
import { DASHBOARD_FOLDER, StaticFiles } from "./server/pages/static-files.js";
import { EmptyTaskStoreProvider } from "./store/empty-task-store.js";
import { MaintenanceLoop } from "./store/maintenance-loop.js";
import { PerDatabaseTaskStoreProvider } from "./store/per-database-task-store-provider.js";
import { openRecentDatabases } from "./store/open-recent-databases.js";
import type { TaskStoreProvider } from "./store/task-store-provider.js";
import { systemClock, type Clock } from "./util/clock.js";
import { packageVersion } from "./util/package-version.js";
import { silentLog, type Log } from "./util/log.js";

/** Parts that an embedding program or a test may replace. */
export interface AppOptions {
  /** Default: the system clock. */
  readonly clock?: Clock;
  /** Default: silent. */
  readonly log?: Log;
  /** Default: opened from `config.store`. The app closes it. */
  readonly journal?: Journal;
  /** Aborts the start: it stops all started parts and rejects. */
  readonly signal?: AbortSignal;
}

/**
 * A running Tidemark. This file is the composition root: it chooses the journal and builds the layers on it: provider,
 * hub, pipeline, server. It stops them in reverse order.
 *
 * @example
 * await using app = await startApp(loadConfig({ flags: { port: 0 }, env: {}, readFile }));
 * console.log(app.url);
 */
export interface App extends AsyncDisposable {
  /** The URL that it listens on: `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly provider: TaskStoreProvider;
  readonly hub: Hub;
  /** Resolves when clients are disconnected and every acknowledged write is durable. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts a server. It listens immediately, and is ready (`/ready`) once the recently used databases are open.
 * @throws Error if it can't open the journal or listen on the address.
 */
export async function startApp(config: Config, options: AppOptions = {}): Promise<App> {
  const { clock = systemClock, log = silentLog, signal } = options;
  const { limits } = config;
  const dashboard = config.dashboard ? await readDashboard(log) : undefined;
  const journal =
    options.journal ?? (await openJournal(config.store, { ...limits, newEpoch: config.newEpoch, log }));
  const authenticator = await openAuthenticator(config.auth, { jwt: config.jwt, clock, log }).catch(
    async (error: unknown) => {
      await journal.close();
      throw error;
    },
  );
  const { provider, expiry } = createProvider(config, journal, clock, log);
  const hubOptions = { clock, bookmarkMs: config.bookmarkMs };
  const hub = new Hub(provider, hubOptions);
  const emptyHub = new Hub(new EmptyTaskStoreProvider({ clock, limits }), hubOptions);
  const metrics = new Metrics();
  metrics.gauge("subscribers", "Open subscriptions.", () => hub.subscriberCount + emptyHub.subscriberCount);
  metrics.gauge("databases", "Open databases.", () => provider.openStores().length);
  metrics.gauge(
    "oldest_reader_seconds",
    "How long another process, such as a backup, has been reading one state of a database, whose file grows meanwhile.",
    () => (journal.oldestReaderMs?.() ?? 0) / 1_000,
  );
  const { leaseMs, retention } = config;
  const version = packageVersion();
  const services = { version, limits, leaseMs, retention, observer: metrics, log };
  const { introspection } = config;
  const pipeline = new Pipeline({ schema, services, provider, hub, emptyHub, introspection, clock });
  const health = new HealthProbes(() => journal.isWritable());
  const demonstration = hasDemo(config) ? new DemoWorker(provider, { leaseMs, clock, log }) : undefined;
  const about = {
    version,
    tracking: config.tracking,
    demo: demonstration !== undefined,
    limits: limitsInForce(limits),
  };
  const served = { about, dashboard, demonstration };
  const server = new Server({ ...config, ...served, clock, pipeline, authenticator, health, metrics, log });

  const stopAll = async (): Promise<void> => {
    health.enter("stopping");
    expiry?.stop();
    await Promise.all([server.stop(), demonstration?.stop()]);
    authenticator.close();
    await provider.close();
    await journal.close();
  };
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= stopAll());

  try {
    const { url } = await server.start();
    signal?.addEventListener("abort", () => void stop(), { once: true });
    if (config.tracking && !signal?.aborted)
      await openRecentDatabases(journal, provider, { clock, log, signal });
    signal?.throwIfAborted();
    expiry?.start();
    health.enter("ready");
    return { url, provider, hub, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Requires the dashboard, which has the button for it. */
function hasDemo({ dashboard, demo, tracking }: Config): boolean {
  return dashboard && demo && tracking;
}

async function readDashboard(log: Log): Promise<StaticFiles> {
  const files = await StaticFiles.read(DASHBOARD_FOLDER);
  if (!files.has("/")) log.warn({}, "the dashboard is not built: run npm run build");
  return files;
}

function createProvider(
  config: Config,
  journal: Journal,
  clock: Clock,
  log: Log,
): { provider: TaskStoreProvider; expiry?: MaintenanceLoop } {
  const { limits, retention, idleMs, lostAfterLeases, tracking } = config;
  if (!tracking) return { provider: new EmptyTaskStoreProvider({ clock, limits }) };
  const options = { clock, limits, log, retention, idleMs, lostAfterLeases };
  const provider = new PerDatabaseTaskStoreProvider(journal, options);
  return { provider, expiry: new MaintenanceLoop(provider, { retention, idleMs, clock }) };
}
