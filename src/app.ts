import type { AuthenticationFailure, Authenticator, AuthenticatorOptions } from "./auth/authenticator.js";
import { openAuthenticator } from "./auth/open-authenticator.js";
import type { OpenIdProvider } from "./auth/openid-provider.js";
import type { Config } from "./config/settings.js";
import { DemoWorker } from "./demo/demo-worker.js";
import { Pipeline } from "./graphql/pipeline/pipeline.js";
import { schema } from "./graphql/schema.js";
import { Hub } from "./hub/hub.js";
import type { DatabaseSummary, Journal, JournalEngine } from "./journal/journal.js";
import { systemCodeOf } from "./journal/system-code.js";
import { writeFailureReason } from "./journal/write-failure-reason.js";
import { openJournal } from "./journal/open-journal.js";
import { limitsInForce } from "./protocol/limits.js";
import { observeEngine } from "./server/engine-metrics.js";
import { OutagePolicy } from "./server/outage-policy.js";
import { GuardedTaskStoreProvider } from "./server/guarded-task-store-provider.js";
import { fitToDescriptors } from "./server/descriptor-budget.js";
import { HealthProbes, type Problem } from "./server/health-probes.js";
import { Metrics } from "./server/metrics.js";
import type { Descriptors } from "./util/open-files.js";
import { Server, type About } from "./server/server.js";
import { DASHBOARD_FOLDER, StaticFiles } from "./server/pages/static-files.js";
import { EmptyTaskStoreProvider } from "./store/empty-task-store.js";
import { MaintenanceLoop } from "./store/maintenance-loop.js";
import { PerDatabaseTaskStoreProvider } from "./store/per-database-task-store-provider.js";
import { openRecentDatabases } from "./store/open-recent-databases.js";
import type { MemoryBudget } from "./store/memory-budget.js";
import type { TaskStoreProvider } from "./store/task-store-provider.js";
import { systemClock, type Clock } from "./util/clock.js";
import { SteadyClock } from "./util/steady-clock.js";
import { packageVersion } from "./util/package-version.js";
import { silentLog, type Log } from "./util/log.js";
import { withoutPassword } from "./util/without-password.js";
import { TurnLength } from "./util/turn-length.js";

/** Parts that an embedding program or a test may replace. */
export interface AppOptions {
  /**
   * Default: the system clock. Another clock is not watched for pauses of the process. The time of day of an engine takes
   * precedence.
   */
  readonly clock?: Clock;
  /** Default: silent. */
  readonly log?: Log;
  /** The number of lines that the log had to drop, for `/metrics`. */
  readonly logLinesDropped?: () => number;
  /** The open files of the process, to which limits are lowered. Default: unlimited. */
  readonly descriptors?: Descriptors | undefined;
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
  /**
   * Announces that it will stop: `/ready` answers 503, and the connections of watchers are closed over `--drain`. Everything
   * else is served as before. Resolves when no watcher is connected.
   */
  drain(): Promise<void>;
  /** Resolves when clients are disconnected and every acknowledged write is durable. Idempotent. Ends a drain. */
  stop(): Promise<void>;
}

/**
 * Starts a server. It listens immediately, and is ready (`/ready`) once the recently used databases are open.
 * @throws Error if it can't open the journal or listen on the address.
 */
export async function startApp(config: Config, options: AppOptions = {}): Promise<App> {
  const { log = silentLog, signal } = options;
  const journal =
    options.journal ??
    (await openJournal(config.store, {
      ...config.limits,
      ...config.postgres,
      newEpoch: config.newEpoch,
      log,
    }));
  const clock = steadyClockOf(journal.engine, options.clock ?? systemClock);
  const openId = await openProvider(config, { clock, log });
  const tokens = openId ? tokensOfProvider(config) : config.jwt;
  const authenticator = await openAuthenticator(config.auth, { jwt: tokens, openId, clock, log }).catch(
    async (error: unknown) => {
      openId?.close();
      await journal.close();
      throw error;
    },
  );
  const dashboard = config.dashboard ? await readDashboard(config, log, openId) : undefined;
  const perDatabase = journal.supports.durability ? DESCRIPTORS_PER_DATABASE : 0;
  const { limits, notice } = fitToDescriptors(config.limits, perDatabase, options.descriptors);
  if (notice) log[notice.level]({}, notice.message);
  const { provider, memory, expiry } = createProvider({ ...config, limits }, journal, clock, log);
  const turnLength = new TurnLength();
  const outage: OutagePolicy | undefined =
    journal.engine && createOutagePolicy(journal.engine, config, { clock, log, server: () => server });
  const served = outage ? new GuardedTaskStoreProvider(provider, () => outage.check()) : provider;
  const hubOptions = { clock, bookmarkMs: config.bookmarkMs, turnLength };
  const hub = new Hub(served, hubOptions);
  const emptyHub = new Hub(new EmptyTaskStoreProvider({ clock, limits }), hubOptions);
  const metrics = new Metrics();
  const { leaseMs, retention } = config;
  const version = packageVersion();
  const elapsedMs = (since: number, until: number): number => clock.elapsedMs(since, until);
  const { publicUrl, introspection } = config;
  const addressing = { version, publicUrl, authenticator };
  const services = { ...addressing, limits, leaseMs, retention, elapsedMs, observer: metrics, log };
  const pipeline = new Pipeline({ schema, services, provider: served, hub, emptyHub, introspection, clock });
  observe(metrics, { ...options, hub, emptyHub, provider: served, memory, journal, authenticator, pipeline });
  const health = new HealthProbes({
    isWritable: async () => outage !== undefined || journal.isWritable(), // an outage is a problem, with its own rules
    problems: async () => {
      // Nothing is asked of an engine that does not answer.
      const isWritable = !outage || (!outage.isSilent && (await journal.isWritable()));
      return [
        ...authenticationProblems(authenticator),
        ...(outage?.problems(isWritable) ?? []),
        ...(isWritable ? [...writeProblems(journal), ...(await databaseProblems(provider))] : []),
      ];
    },
  });
  const demonstration = hasDemo(config) ? new DemoWorker(provider, { leaseMs, clock, log }) : undefined;
  const features = { version, tracking: config.tracking, demo: demonstration !== undefined };
  const about = (): About => ({
    ...features,
    graphiql: config.graphiql,
    publicUrl: config.publicUrl || null,
    peerUrls: config.peerUrls,
    ...(openId && { openId: signInOf(openId, config) }),
    limits: limitsInForce(limits),
  });
  const server: Server = new Server({
    ...config,
    allowedOrigins: [...config.allowedOrigins, ...peerOrigins(config)],
    about,
    dashboard,
    demonstration,
    turnLength,
    limits,
    clock,
    pipeline,
    authenticator,
    health,
    metrics,
    log,
  });

  const drain = (): Promise<void> => {
    health.enter("stopping");
    return server.drain(config.drainMs);
  };
  const stopAll = async (): Promise<void> => {
    health.enter("stopping");
    clock.stop();
    outage?.stop();
    expiry?.stop();
    await Promise.all([server.stop(), demonstration?.stop()]);
    authenticator.close();
    await provider.close();
    await journal.close();
  };
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= stopAll());
  const onAbort = (): void => void stop();

  if (!options.clock) clock.watch();
  try {
    const { url } = await server.start();
    signal?.addEventListener("abort", onAbort, { once: true });
    if (config.tracking && !signal?.aborted)
      await openRecentDatabases(journal, provider, { clock, log, signal });
    signal?.throwIfAborted();
    expiry?.start();
    outage?.start();
    signal?.removeEventListener("abort", onAbort);
    health.enter("ready");
    return { url, provider, hub, drain, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** With an engine, the time of day is that of the engine, so that all servers that store databases in it agree. */
function steadyClockOf(engine: JournalEngine | undefined, local: Clock): SteadyClock {
  if (!engine) return new SteadyClock(local);
  const clock: Clock = {
    now: () => engine.now(),
    monotonic: () => local.monotonic(),
    schedule: (delayMs, callback) => local.schedule(delayMs, callback),
  };
  return new SteadyClock(clock, () => engine.silentMs());
}

function createOutagePolicy(
  engine: JournalEngine,
  { store, engineGraceMs: graceMs, drainMs }: Config,
  { server, ...options }: { readonly clock: Clock; readonly log: Log; readonly server: () => Server },
): OutagePolicy {
  return new OutagePolicy({
    ...options,
    engine,
    address: withoutPassword(store),
    graceMs,
    onGraceOver: () => server().closeWatchers(drainMs, ENGINE_AWAY),
    onBack: () => server().keepWatchers(),
  });
}

/** A close reason. */
const ENGINE_AWAY =
  "The database server does not answer. Reconnect with your position, to another server if possible.";

/** The data file, its lock file, the log, and the folder of an open database. */
const DESCRIPTORS_PER_DATABASE = 4;

function authenticationProblems({ failures }: Authenticator): Problem[] {
  return failures.map(({ reason, rejectsAll }) => ({ reason, isFatal: rejectsAll }));
}

function writeProblems(journal: Journal): Problem[] {
  return (journal.writeFailures?.() ?? []).map(({ database, file, error }) => {
    const reason = writeFailureReason(error) ?? "the log has the reason";
    const code = systemCodeOf(error);
    return {
      reason: `changes cannot be written: ${reason}`,
      details: [
        `changes of database ${JSON.stringify(database)} cannot be written to ${file}: ${reason}${code ? ` (${code})` : ""}`,
      ],
      isFatal: false,
    };
  });
}

async function databaseProblems(provider: TaskStoreProvider): Promise<Problem[]> {
  const databases = await unavailableDatabases(provider);
  if (databases.length === 0) return [];
  const reason =
    databases.length === 1
      ? "a database is unavailable; the log names it"
      : `${databases.length} databases are unavailable; the log names them`;
  const details = databases.map(
    ({ name, unavailable }) => `database ${JSON.stringify(name)} is unavailable: ${unavailable}`,
  );
  return [{ reason, details, isFatal: false }];
}

async function unavailableDatabases(provider: TaskStoreProvider): Promise<readonly DatabaseSummary[]> {
  const databases = await provider.databases().catch(() => []); // the server is stopping
  return databases.filter(({ unavailable }) => unavailable !== undefined);
}

/** Requires the dashboard, which has the button for it. */
function hasDemo({ dashboard, demo, tracking }: Config): boolean {
  return dashboard && demo && tracking;
}

/** For `--oidc-issuer`. Loaded only then. */
async function openProvider(
  { oidc: { issuer } }: Config,
  options: AuthenticatorOptions,
): Promise<OpenIdProvider | undefined> {
  if (!issuer) return undefined;
  const { OpenIdProvider } = await import("./auth/openid-provider.js");
  return OpenIdProvider.open(issuer, options);
}

/** The terms of the provider's tokens, which are made for the dashboard unless the operator says otherwise. */
function tokensOfProvider({ jwt, oidc }: Config): Config["jwt"] {
  return { ...jwt, issuer: oidc.issuer, audience: jwt.audience || oidc.clientId };
}

/** What the dashboard needs to sign its user in. */
function signInOf({ issuer, endpoints }: OpenIdProvider, config: Config): About["openId"] {
  const { clientId, scope } = config.oidc;
  return { issuer, clientId, scope, audience: tokensOfProvider(config).audience, endpoints };
}

/** The dashboard requests tokens from the provider by itself, and moves to a peer when this server fails. */
async function readDashboard(
  config: Config,
  log: Log,
  openId: OpenIdProvider | undefined,
): Promise<StaticFiles> {
  const peers = peerOrigins(config).flatMap((origin) => [origin, origin.replace(/^http/, "ws")]);
  const origins = (): string[] => [
    ...(openId?.endpoints ? [new URL(openId.endpoints.token).origin] : []),
    ...peers,
  ];
  const files = await StaticFiles.read(DASHBOARD_FOLDER, origins);
  if (!files.has("/")) log.warn({}, "the dashboard is not built: run npm run build");
  return files;
}

/** Of the dashboards that may move to this server, and of the servers to which its own may move. */
function peerOrigins({ peerUrls }: Config): string[] {
  return peerUrls.map((url) => new URL(url).origin);
}

function createProvider(
  config: Config,
  journal: Journal,
  clock: SteadyClock,
  log: Log,
): { provider: TaskStoreProvider; memory?: MemoryBudget; expiry?: MaintenanceLoop } {
  const { limits, retention, idleMs, lostAfterLeases, tracking } = config;
  if (!tracking) return { provider: new EmptyTaskStoreProvider({ clock, limits }) };
  const options = { clock, limits, log, retention, idleMs, lostAfterLeases };
  const provider = new PerDatabaseTaskStoreProvider(journal, options);
  const expiry = new MaintenanceLoop(provider, { retention, idleMs, clock });
  return { provider, memory: provider.memory, expiry };
}

interface Observed extends Pick<AppOptions, "logLinesDropped"> {
  readonly hub: Hub;
  readonly emptyHub: Hub;
  readonly provider: TaskStoreProvider;
  readonly memory: MemoryBudget | undefined;
  readonly journal: Journal;
  readonly authenticator: Authenticator;
  readonly pipeline: Pipeline;
}

/** Registers the gauges that are read at each scrape. */
function observe(metrics: Metrics, observed: Observed): void {
  const { hub, emptyHub, provider, memory, journal, authenticator, pipeline } = observed;
  metrics.gauge("subscribers", "Open subscriptions.", () => hub.subscriberCount + emptyHub.subscriberCount);
  metrics.gauge("subscribers_behind", "Subscriptions that wait to catch up.", () => hub.behindCount);
  metrics.gauge("event_text_bytes", "Memory of shared texts of events.", () => pipeline.eventTextBytes);
  metrics.gauge("databases", "Open databases.", () => provider.openStores().length);
  metrics.gauge(
    "databases_unavailable",
    "Databases that cannot be opened.",
    async () => (await unavailableDatabases(provider)).length,
  );
  metrics.gauge(
    "oldest_reader_seconds",
    "How long another process, such as a backup, has been reading one state of a database, whose file grows meanwhile.",
    () => (journal.oldestReaderMs?.() ?? 0) / 1_000,
  );
  const fails = (wanted: AuthenticationFailure["source"]): number =>
    Number(authenticator.failures.some(({ source }) => source === wanted));
  metrics.gauge("tokens_file_unreadable", "1 while the tokens file cannot be read.", () =>
    fails("tokens file"),
  );
  metrics.gauge("openid_provider_unreachable", "1 until the server has reached the OpenID provider.", () =>
    fails("OpenID provider"),
  );
  metrics.counter(
    "log_lines_dropped",
    "Log lines dropped because the reader of the log did not take them in time.",
    observed.logLinesDropped ?? (() => 0),
  );
  if (journal.engine) observeEngine(metrics, journal.engine);
  if (!memory) return;
  metrics.gauge("memory_bytes", "Estimated memory of the jobs in open databases.", () => memory.bytes);
  metrics.gauge(
    "memory_max_bytes",
    "The bound of that memory (--memory-max).",
    () => memory.limits.memoryMax,
  );
}
