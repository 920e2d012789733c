/** Formats a command: as a shell line, as a job id, and for a pseudo-terminal. */
import { randomBytes } from "node:crypto";
import { basename } from "node:path";
import type { CommandLine } from "./command.js";
import { MASK, maskCommand } from "./mask-secrets.js";

/** The command as a user would type it in a shell. */
export function formatCommand(command: CommandLine): string {
  return command.map((word) => (PLAIN.test(word) ? word : quoted(word))).join(" ");
}

/** The command for people, as `formatCommand` does, with what looks like a secret masked. */
export function describeCommand(command: CommandLine): string {
  return maskCommand(command)
    .map((word) => (PLAIN.test(word.replaceAll(MASK, "x")) ? word : quoted(word)))
    .join(" ");
}

/** What to do if a command was not found because it is meant for a shell. Undefined if it does not look like one. */
export function shellHint([program]: CommandLine): string | undefined {
  if (!isShellLine(program) && !SHELL_WORDS.has(program)) return undefined;
  return `To run a shell command line, use: tidemark run -- sh -c '…'`;
}

/** A unique, readable job id: "rsync-20261123-172110-9f3a1c". */
export function generateJobId([program]: CommandLine, now: Date): string {
  const name = (basename(firstWord(program)) || "command").replaceAll(/[^\w.+-]/g, "_").slice(0, 40);
  const [date, time] = now.toISOString().replaceAll(/[-:]/g, "").split(/[T.]/);
  return `${name}-${date}-${time}-${randomBytes(3).toString("hex")}`;
}

/** Wraps a command to run in a pseudo-terminal with the size of the current terminal, and to return its exit code. */
export function withPseudoTerminal(command: CommandLine): CommandLine {
  const line = `[ "$(stty size)" != "0 0" ] || stty cols 80 rows 24; exec ${formatCommand(command)}`;
  const shell = `exec /bin/sh -c ${quoted(line)}`; // independent of the user's shell
  return ["script", "--quiet", "--return", "--flush", "--command", shell, "/dev/null"];
}

/** A program that looks like a shell line may contain slashes anywhere; a path is one word. */
function firstWord(program: string): string {
  return isShellLine(program) ? program.trim().split(/\s/)[0]! : program;
}

/** Whether the text has several words, and is no path, which may contain spaces. */
function isShellLine(program: string): boolean {
  return /^\s*[^\s/]+\s/.test(program);
}

/** Keywords and commands that only a shell knows. */
const SHELL_WORDS: ReadonlySet<string> = new Set(
  "for while until if case function { ( ! cd export source . alias set unset".split(" "),
);

const PLAIN = /^[\w@%+=:,./-]+$/;

function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
