/**
 * `tidemark run`: a command whose output passes through, and is read for a job on the way.
 *
 *     command ─► passThrough ─► stdout, stderr
 *                     └─► Sampled ─► OutputReader ─► JobReport ─► the job
 *
 * The command is started first, and waits for nothing here: neither for the server, nor for what speaks to it.
 */
import type { RunOptions } from "../commands/run.js";
import { shellExitCode, startCommand } from "./command.js";
import { isMeantToEnd, onSignals } from "./signals.js";
import { withPseudoTerminal } from "./command-line.js";

/** How the process is to end: as the command has. */
export interface RunEnd {
  readonly exitCode: number;
  /** Both were interrupted, by SIGINT: who ends by it too, and not by its code alone, ends a shell's loop as well. */
  readonly isInterrupted: boolean;
}

/** Runs it; resolves when it has ended, what it has printed is written, and the server knows, or can't be told in time. */
export async function runCommand(options: RunOptions): Promise<RunEnd> {
  const interrupts: NodeJS.Signals[] = [];
  const stopListening = onSignals((signal, isShared) => {
    if (isMeantToEnd(signal)) interrupts.push(signal);
    if (!isShared) command.kill(signal);
  });
  const command = startCommand(options.isTerminal ? withPseudoTerminal(options.command) : options.command);
  const { reportCommand } = await import("./report-command.js");
  const end = await reportCommand(command, options, () => interrupts[0]);
  stopListening();
  const isInterrupted = end.kind === "KILLED" && end.signal === "SIGINT" && interrupts.includes("SIGINT");
  return { exitCode: shellExitCode(end), isInterrupted };
}
