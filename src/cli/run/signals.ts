/**
 * Forwards signals to a command. A terminal sends Ctrl+C to its whole foreground process group, so the command has
 * already received that signal and must not receive it twice.
 */
import { readFileSync } from "node:fs";

/** Calls back for each signal until the returned function is called. `isShared`: the command has received it too. */
export function onSignals(callback: (signal: NodeJS.Signals, isShared: boolean) => void): () => void {
  const listeners = SIGNALS.map((signal) => {
    const listener = () => callback(signal, TERMINAL_SIGNALS.has(signal) && isInForeground());
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => listeners.forEach((stop) => stop());
}

/** Whether the signal asks the command to end. */
export function isTerminating(signal: NodeJS.Signals): boolean {
  return signal !== "SIGUSR1" && signal !== "SIGUSR2";
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;
/** Signals that a terminal sends. */
const TERMINAL_SIGNALS: ReadonlySet<NodeJS.Signals> = new Set(["SIGINT", "SIGQUIT", "SIGHUP"]);

/** Whether this process is in the foreground process group of its terminal. */
function isInForeground(): boolean {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    const [, , group, , terminal, foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return terminal !== "0" && group === foreground;
  } catch {
    return process.stderr.isTTY; // not Linux
  }
}
