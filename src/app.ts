import { openAuthenticator } from "./auth/open-authenticator.js";
import type { Config } from "./config/settings.js";
import { DemoWorker } from "./demo/demo-worker.js";
import { Pipeline } from "./graphql/pipeline/pipeline.js";
import { schema } from "./graphql/schema.js";
import { Hub } from "./hub/hub.js";
import type { Journal } from "./journal/journal.js";
import { openJournal } from "./journal/open-journal.js";
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

/** What an app may be given in the place of its own. */
export interface AppOptions {
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: says nothing. */
  readonly log?: Log;
  /** Default: opened from `config.store`. The app closes it. */
  readonly journal?: Journal;
  /** Ends the start: what was started is stopped, and the start rejects. */
  readonly signal?: AbortSignal;
}

/**
 * A running Tidemark: the composition root. Only here is it known which journal is open, and what stands on
 * what: journal, provider, hub, pipeline, server. Stopping goes the other way.
 *
 * @example
 * await using app = await startApp(loadConfig({ flags: { port: 0 }, env: {}, readFile }));
 * console.log(app.url);
 */
export interface App extends AsyncDisposable {
  /** Where it listens: `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly provider: TaskStoreProvider;
  readonly hub: Hub;
  /** Resolves when clients were told, and what was answered is durable. Stopping twice is harmless. */
  stop(): Promise<void>;
}

/**
 * Starts everything. It listens at once, and is ready (`/ready`) when the databases that were used last are open.
 * @throws Error when the journal can't be opened, or the address not be listened on.
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
  const watching = { clock, bookmarkMs: config.bookmarkMs };
  const hub = new Hub(provider, watching);
  const emptyHub = new Hub(new EmptyTaskStoreProvider({ clock, limits }), watching);
  const metrics = new Metrics();
  metrics.gauge(
    "subscribers",
    "Subscriptions that are open.",
    () => hub.subscriberCount + emptyHub.subscriberCount,
  );
  metrics.gauge("databases", "Databases that are open.", () => provider.openStores().length);
  const { leaseMs, retention } = config;
  const services = { limits, leaseMs, retention, observer: metrics };
  const { introspection } = config;
  const pipeline = new Pipeline({ schema, services, provider, hub, emptyHub, introspection, clock, log });
  const health = new HealthProbes(() => journal.isWritable());
  const demonstration = hasDemo(config) ? new DemoWorker(provider, { leaseMs, clock, log }) : undefined;
  const about = { version: packageVersion(), tracking: config.tracking, demo: demonstration !== undefined };
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

/** The button for it is in the dashboard. */
function hasDemo({ dashboard, demo, tracking }: Config): boolean {
  return dashboard && demo && tracking;
}

async function readDashboard(log: Log): Promise<StaticFiles> {
  const files = await StaticFiles.read(DASHBOARD_FOLDER);
  if (!files.has("/")) log.warn({}, "the dashboard has not been built: npm run build");
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
