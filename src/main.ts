#!/usr/bin/env node
import { randomUUID } from "node:crypto";
import { exitCodeOf } from "./cli/exit-codes.js";
import type { Actions } from "./cli/program.js";
import type { Logger } from "pino";
import type { App } from "./app.js";
import type { Output } from "./cli/output.js";
import type { RunOptions } from "./cli/commands/run.js";
import { ConfigError } from "./config/config-error.js";
import type { Config } from "./config/settings.js";
import { readDescriptors } from "./util/open-files.js";

/** Runs a command. Only this file exits the process: when the command ends or a signal arrives. */
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader may stop early (`tidemark serve --help | head`) or close the terminal.
  if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
});
/** Exits if stopping takes longer than this and the drain. Initialized before the server starts, since a signal may arrive during the start. */
const STOP_TIMEOUT_MS = 4_500;
/** How long the exit may wait for the reader of the log. */
const LOG_FLUSH_TIMEOUT_MS = 500;

/** Node.js opens many modules at once: with fewer open files, no command can be loaded. */
const OPEN_FILES_OF_COMMAND = 128;
/** With fewer, a server cannot keep its reserve for health probes and files, and accept clients. */
const OPEN_FILES_OF_SERVER = 256;

const maintenance = () => import("./journal/lmdb/operator-commands.js");
const issuing = () => import("./auth/issue-token.js");
const actions: Actions = {
  serve,
  check: async function* (folder) {
    yield* (await maintenance()).checkFolder(folder);
  },
  repair: async function* (folder) {
    yield* (await maintenance()).repairFolder(folder);
  },
  compact: async function* (folder) {
    yield* (await maintenance()).compactFolder(folder);
  },
  backup: async function* (folder, target) {
    yield* (await maintenance()).backupFolder(folder, target);
  },
  migrate: async (request) => {
    const { migrateStore } = await import("./journal/migrate-store.js");
    const { showMigration } = await import("./cli/commands/migrate.js");
    await showMigration(request, migrateStore, await output());
  },
  watch: async (request) => {
    const { watchJobs } = await import("./cli/actions/watch-jobs.js");
    await watchJobs(request, process.stdout, note);
  },
  list: async (request) => {
    if (request.allDatabases) {
      const { listDatabases } = await import("./cli/actions/list-databases.js");
      return listDatabases(request, await output());
    }
    const { listJobs } = await import("./cli/actions/list-jobs.js");
    await listJobs(request, await output(), note);
  },
  show: async (request) => {
    const { showJob } = await import("./cli/commands/show.js");
    await showJob(request, await output());
  },
  cancel: async (request) => {
    const { cancelJob } = await import("./cli/commands/cancel.js");
    await cancelJob(request, await output());
  },
  remove: async (request) => {
    const { deleteJob } = await import("./cli/commands/remove.js");
    await deleteJob(request, await output());
  },
  share: async (request) => {
    const { printLink } = await import("./cli/commands/share.js");
    await printLink(request, await output(), note);
  },
  purge: async (request) => {
    const { purgeJobs } = await import("./cli/commands/purge.js");
    const { createTerminalPrompt } = await import("./cli/terminal-prompt.js");
    await purgeJobs(request, await output(), createTerminalPrompt());
  },
  run,
  tokens: {
    create: async (path, wish) => {
      const { systemClock } = await import("./util/clock.js");
      return (await issuing()).issueToken(path, wish, systemClock);
    },
    list: async (path) => (await import("./auth/token-file.js")).readTokens(path),
    revoke: async (path, id) => (await issuing()).revokeToken(path, id),
  },
};
const tooFew = tooFewOpenFiles(OPEN_FILES_OF_COMMAND);
if (tooFew) {
  process.stderr.write(`tidemark: ${tooFew.message}\n`);
  process.exit(exitCodeOf(tooFew));
}
const { createProgram, failureMessageOf } = await import("./cli/program.js");
await createProgram(actions)
  .parseAsync()
  .catch((error: unknown) => {
    const message = failureMessageOf(error);
    if (message !== undefined) process.stderr.write(`${message}\n`);
    process.exitCode = exitCodeOf(error);
  });

/** Checked before modules are loaded, because loading them then fails with errors that do not name the limit. */
function tooFewOpenFiles(least: number): ConfigError | undefined {
  const { limit } = readDescriptors() ?? { limit: Infinity };
  return limit >= least
    ? undefined
    : new ConfigError(
        "limit of open files (ulimit -n)",
        limit,
        `expected at least ${least}. Raise it with ulimit -n 4096, or LimitNOFILE= of systemd.`,
      );
}

async function output(): Promise<Output> {
  return (await import("./cli/output.js")).standardOutput();
}

function note(text: string): void {
  process.stderr.write(text);
}

/** Runs a command and exits the same way: with its exit code, or by the SIGINT that interrupted both. */
async function run(options: RunOptions): Promise<never> {
  const { runCommand } = await import("./cli/run/run-command.js");
  const { exitCode, isInterrupted } = await runCommand(options);
  if (isInterrupted) process.kill(process.pid, "SIGINT");
  process.exit(exitCode);
}

/**
 * Serves until SIGTERM or SIGINT. A failed request, and so an unhandled rejection, affects only its client. An uncaught
 * exception may leave inconsistent state: the process exits, acknowledged writes are durable, and a supervisor restarts
 * it. Modules are loaded here, so that help does not wait for them.
 */
async function serve(config: Config): Promise<void> {
  const startedAt = performance.now();
  const tooFewToServe = tooFewOpenFiles(OPEN_FILES_OF_SERVER);
  if (tooFewToServe) throw tooFewToServe;
  const [{ startApp }, { createLog }, { startupBanner }] = await Promise.all([
    import("./app.js"),
    import("./server/log.js"),
    import("./cli/render/startup-banner.js"),
  ]);
  const { log, lines } = createLog(config.logLevel);
  process.once("exit", () => lines.flushSync(LOG_FLUSH_TIMEOUT_MS));
  process.on("unhandledRejection", (error: unknown) => {
    log.error({ err: error, errorId: randomUUID() }, "unhandled promise rejection");
  });
  process.on("uncaughtException", (error: unknown) => {
    log.fatal({ err: error }, "uncaught exception: the server exits");
    process.exit(1);
  });
  for (const warning of config.warnings) log.warn({}, warning);
  const stopping = new AbortController();
  const starting = startApp(config, {
    log,
    logLinesDropped: () => lines.dropped,
    descriptors: readDescriptors(),
    signal: stopping.signal,
  });
  stopOnSignal({ starting, stopping, drainMs: config.drainMs, log });
  const app = await starting.catch((error: unknown) => {
    if (stopping.signal.aborted) return undefined; // stopOnSignal exits
    throw error;
  });
  if (!app) return;
  const { url } = app;
  const readyMs = Math.round(performance.now() - startedAt);
  if (process.stdout.isTTY)
    process.stdout.write(startupBanner({ url, dashboard: config.dashboard, store: config.store, readyMs }));
  else log.info({ url, readyMs }, "ready");
}

/**
 * Installed before the server starts: a supervisor may stop the server as soon as it is ready. The first signal stops it
 * after a drain, and a second one ends the drain.
 */
function stopOnSignal({ starting, stopping, drainMs, log }: Stopping): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      const isFirst = !stopping.signal.aborted;
      log.info({ signal }, isFirst ? "stopping" : "ending the drain");
      if (!isFirst) return void starting.then((app) => app.stop(), ignore);
      setTimeout(() => process.exit(1), STOP_TIMEOUT_MS + drainMs).unref();
      stopping.abort();
      starting
        .then(
          (app) => app.drain().then(() => app.stop()),
          (error: unknown) => {
            if (error !== stopping.signal.reason) throw error;
          },
        )
        .then(
          () => process.exit(0),
          (error: unknown) => {
            log.fatal({ err: error }, "the server failed to stop cleanly");
            process.exit(1);
          },
        );
    });
  }
}

interface Stopping {
  readonly starting: Promise<App>;
  /** Aborts the start. */
  readonly stopping: AbortController;
  readonly drainMs: number;
  readonly log: Logger;
}

function ignore(): void {}
