/** A command in a child process: how it starts and how it ends. */
import { spawn, type ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { Readable } from "node:stream";
import { errorCodeOf } from "../../util/assert.js";
import { closeWriteEnds, openPipes } from "./pipes.js";

export type CommandLine = readonly [program: string, ...args: string[]];

export type CommandExit =
  | { readonly kind: "EXITED"; readonly code: number }
  | { readonly kind: "KILLED"; readonly signal: NodeJS.Signals }
  | { readonly kind: "NOT_STARTED"; readonly isFound: boolean };

export interface Command {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the process has ended. Its pipes may still hold output. */
  readonly ended: Promise<CommandExit>;
  /** Does nothing after the command has ended. */
  kill(signal: NodeJS.Signals): void;
}

/** Starts a command in this process group with this process's stdin. Never throws: a failed start is an exit. */
export function startCommand([program, ...args]: CommandLine): Command {
  const pipes = openPipes(2);
  const [out, err] = pipes ?? [];
  try {
    const child = spawn(program, args, {
      stdio: ["inherit", out?.writeEnd ?? "pipe", err?.writeEnd ?? "pipe"],
    });
    return {
      stdout: out?.source ?? child.stdout!, // spawn creates one if we passed no pipe
      stderr: err?.source ?? child.stderr!,
      ended: exitOf(child),
      kill: (signal) => void child.kill(signal),
    };
  } catch (error) {
    const isFound = program !== "" && programExists(error);
    const ended = Promise.resolve<CommandExit>({ kind: "NOT_STARTED", isFound });
    return { stdout: emptyStream(), stderr: emptyStream(), ended, kill: () => {} };
  } finally {
    closeWriteEnds(pipes ?? []);
  }
}

/** The exit code as a shell reports it: 128 plus the signal number, 127 if not found, 126 if not executable. */
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
      if (child.pid === undefined) resolve({ kind: "NOT_STARTED", isFound: programExists(error) });
    });
    child.on("exit", (code, signal) =>
      resolve(signal ? { kind: "KILLED", signal } : { kind: "EXITED", code: code ?? 0 }),
    );
  });
}

function programExists(error: unknown): boolean {
  return errorCodeOf(error) !== "ENOENT";
}

function emptyStream(): Readable {
  return Readable.from([]);
}
