import type { EngineStats, JournalEngine } from "../journal/journal.js";
import type { Metrics } from "./metrics.js";

/** Registers what an operator watches of the engine in which several servers store the same databases. */
export function observeEngine(metrics: Metrics, engine: JournalEngine): void {
  const counter = (name: string, help: string, read: (stats: EngineStats) => number): void =>
    metrics.counter(`engine_${name}`, help, () => read(engine.stats()));
  metrics.gauge(
    "engine_silent_seconds",
    "How long the database server has not answered; 0 while it answers.",
    () => engine.silentMs() / 1_000,
  );
  metrics.gauge(
    "engine_lag_revisions",
    "Changes that the open database furthest behind has not received yet.",
    () => engine.stats().lag,
  );
  metrics.gauge(
    "engine_oldest_append_seconds",
    "How long the oldest write has been waiting for its answer; 0 if none waits.",
    () => engine.stats().oldestAppendMs / 1_000,
  );
  metrics.gauge(
    "engine_leases",
    "Databases whose background duties this server has.",
    () => engine.stats().leases,
  );
  counter("appends", "Writes to the database server, each of one or more changes.", ({ appends }) => appends);
  counter("appended_changes", "Changes in these writes.", ({ entries }) => entries);
  counter("append_seconds", "Time until these writes were answered.", ({ appendMs }) => appendMs / 1_000);
  counter(
    "failed_appends",
    "Writes that failed, or whose outcome was unknown.",
    ({ failedAppends }) => failedAppends,
  );
  counter(
    "conflicts",
    "Writes that were repeated because another server had changed a job.",
    ({ conflicts }) => conflicts,
  );
  counter("polls", "Polls for the changes of other servers.", ({ polls }) => polls);
  counter("poll_seconds", "Time until these polls were answered.", ({ pollMs }) => pollMs / 1_000);
  counter(
    "generations",
    "Restarts and failovers of the database server, counted for each open database.",
    ({ generations }) => generations,
  );
}
