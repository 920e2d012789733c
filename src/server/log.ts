import { destination, pino, type Logger } from "pino";

/**
 * The operator's log: JSON lines. On stdout, where a supervisor collects them; at a terminal, where stdout
 * is for the person, only what needs their eye, on stderr.
 */
export function createLog(level: string): Logger {
  const isTerminal = process.stdout.isTTY;
  const quietLevel = level === "info" ? "warn" : level;
  return pino(
    { level: isTerminal ? quietLevel : level },
    destination({ fd: isTerminal ? 2 : 1, sync: true }),
  );
}
