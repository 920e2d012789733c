/** A command in a process of its own: how it is started, and how it has ended. */
import { spawn, type ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { Readable } from "node:stream";
import { errorCodeOf } from "../../util/assert.js";
import { closeEntries, openPipes } from "./pipes.js";

export type CommandLine = readonly [program: string, ...args: string[]];

export type CommandExit =
  | { readonly kind: "EXITED"; readonly code: number }
  | { readonly kind: "KILLED"; readonly signal: NodeJS.Signals }
  | { readonly kind: "NOT_STARTED"; readonly isFound: boolean };

export interface Command {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when its process has ended; something may still come out of its pipes. */
  readonly ended: Promise<CommandExit>;
  /** Does nothing once it has ended. */
  kill(signal: NodeJS.Signals): void;
}

/** Starts it in this process's group, with this process's stdin. Never throws: what can't be started has ended. */
export function startCommand([program, ...args]: CommandLine): Command {
  const pipes = openPipes(2);
  const [out, err] = pipes ?? [];
  try {
    const child = spawn(program, args, { stdio: ["inherit", out?.entry ?? "pipe", err?.entry ?? "pipe"] });
    return {
      stdout: out?.source ?? child.stdout!, // there is one where it has no pipe of ours
      stderr: err?.source ?? child.stderr!,
      ended: exitOf(child),
      kill: (signal) => void child.kill(signal),
    };
  } catch (error) {
    const isFound = program !== "" && isThere(error);
    const ended = Promise.resolve<CommandExit>({ kind: "NOT_STARTED", isFound });
    return { stdout: nothing(), stderr: nothing(), ended, kill: () => {} };
  } finally {
    closeEntries(pipes ?? []);
  }
}

/** As a shell says it: 128 and the number of the signal; 127 for what was not found, 126 for what can't be executed. */
export function shellExitCode(end: CommandExit): number {
  switch (end.kind) {
    case "EXITED":
      return end.code;
    case "KILLED":
      return 128 + constants.signals[end.signal];
    case "NOT_STARTED":
      return end.isFound ? 126 : 127;
  }
}

function exitOf(child: ChildProcess): Promise<CommandExit> {
  return new Promise((resolve) => {
    child.on("error", (error) => {
      if (child.pid === undefined) resolve({ kind: "NOT_STARTED", isFound: isThere(error) });
    });
    child.on("exit", (code, signal) =>
      resolve(signal ? { kind: "KILLED", signal } : { kind: "EXITED", code: code ?? 0 }),
    );
  });
}

function isThere(error: unknown): boolean {
  return errorCodeOf(error) !== "ENOENT";
}

function nothing(): Readable {
  return Readable.from([]);
}
