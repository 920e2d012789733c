import type { LogLevel } from "../generated/graphql.js";
import { textOf, truncateMessage } from "./input-values.js";

/**
 * Writes to the job's log. Like those of `console`, its methods take any values and join them with spaces. A line is cut to
 * 4,096 bytes; at most 100 lines wait for an unreachable server.
 *
 *     job.log("42 rows read");
 *     job.log.warn("Row 17 has no name:", row);
 */
export interface TaskLog {
  /** Adds a line of general interest, like `info`. */
  (...message: readonly unknown[]): void;
  /** Adds a line with details for debugging. */
  debug(...message: readonly unknown[]): void;
  /** Adds a line of general interest. */
  info(...message: readonly unknown[]): void;
  /** Adds a line about a problem that deserves attention. */
  warning(...message: readonly unknown[]): void;
  /** The same as `warning`, by the name of most loggers. */
  warn(...message: readonly unknown[]): void;
  /** Adds a line about an error. The task continues; use `fail` to end it. */
  error(...message: readonly unknown[]): void;
}

/** A log that passes each line to `write`. */
export function taskLog(write: (level: LogLevel, message: string) => void): TaskLog {
  const line =
    (level: LogLevel) =>
    (...message: readonly unknown[]): void =>
      write(level, truncateMessage(message.map(textOf).join(" ")));
  const warning = line("WARNING");
  return Object.assign(line("INFO"), {
    debug: line("DEBUG"),
    info: line("INFO"),
    warning,
    warn: warning,
    error: line("ERROR"),
  });
}
