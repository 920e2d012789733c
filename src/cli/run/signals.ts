/**
 * Signals that a command is to get in place of this process. What is typed at a terminal (Ctrl+C) is sent to all of the
 * group in its foreground, and so the command has it already: it must not have it twice.
 */
import { readFileSync } from "node:fs";

/** Calls back with each signal, until what is returned is called; `isShared`: the command has it already. */
export function onSignals(callback: (signal: NodeJS.Signals, isShared: boolean) => void): () => void {
  const listeners = SIGNALS.map((signal) => {
    const listener = () => callback(signal, TYPED.has(signal) && isInForeground());
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => listeners.forEach((stop) => stop());
}

/** Whether somebody who sends it wants the command to end. */
export function isMeantToEnd(signal: NodeJS.Signals): boolean {
  return signal !== "SIGUSR1" && signal !== "SIGUSR2";
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;
/** Those that a terminal sends. */
const TYPED: ReadonlySet<NodeJS.Signals> = new Set(["SIGINT", "SIGQUIT", "SIGHUP"]);

/** Whether this process is in the group to which its terminal sends what is typed. */
function isInForeground(): boolean {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    const [, , group, , terminal, foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return terminal !== "0" && group === foreground;
  } catch {
    return process.stderr.isTTY; // not Linux
  }
}
