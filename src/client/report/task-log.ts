import type { LogLevel } from "../generated/graphql.js";
import { truncateMessage } from "./input-values.js";

/** Writes to the job's log. Messages are cut to 4,096 bytes; at most 100 lines wait for an unreachable server. */
export interface TaskLog {
  /** Adds a line with details for debugging. */
  debug(message: string): void;
  /** Adds a line of general interest. */
  info(message: string): void;
  /** Adds a line about a problem that deserves attention. */
  warning(message: string): void;
  /** The same as `warning`, by the name of most loggers. */
  warn(message: string): void;
  /** Adds a line about an error. The task continues; use `fail` to end it. */
  error(message: string): void;
}

/** A log that passes each line to `write`. */
export function taskLog(write: (level: LogLevel, message: string) => void): TaskLog {
  const line = (level: LogLevel) => (message: string) => write(level, truncateMessage(message));
  const warning = line("WARNING");
  return { debug: line("DEBUG"), info: line("INFO"), warning, warn: warning, error: line("ERROR") };
}
