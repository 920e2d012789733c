/**
 * `tidemark run`: runs a command, passes its output through, and reports the progress in it as a job.
 *
 *     command ─► passThrough ─► stdout, stderr
 *                     └─► OutputSampler ─► OutputReader ─► OutputReporter ─► Job
 *
 * The command starts first. It does not wait for the server, nor for the SDK to load.
 */
import type { RunOptions } from "../commands/run.js";
import { shellExitCode, startCommand } from "./command.js";
import { isTerminating, onSignals } from "./signals.js";
import { withPseudoTerminal } from "./command-line.js";

/** How this process must end, so that it ends like the command. */
export interface RunEnd {
  readonly exitCode: number;
  /** Whether SIGINT ended the command. This process must then end by SIGINT too, so that a loop in a shell stops. */
  readonly isInterrupted: boolean;
}

/** Resolves when the command has ended, its output is written, and the server has stored the end or timed out. */
export async function runCommand(options: RunOptions): Promise<RunEnd> {
  const interrupts: NodeJS.Signals[] = [];
  const stopListening = onSignals((signal, isShared) => {
    if (isTerminating(signal)) interrupts.push(signal);
    if (!isShared) command.kill(signal);
  });
  const command = startCommand(options.isTerminal ? withPseudoTerminal(options.command) : options.command);
  const { reportCommand } = await import("./report-command.js");
  const end = await reportCommand(command, options, () => interrupts[0]);
  stopListening();
  const isInterrupted = end.kind === "KILLED" && end.signal === "SIGINT" && interrupts.includes("SIGINT");
  return { exitCode: shellExitCode(end), isInterrupted };
}
