/** Words for a command: as a line, as the name of a job, and for a shell. */
import { randomBytes } from "node:crypto";
import { basename } from "node:path";
import type { CommandLine } from "./command.js";

/** As it would be typed. */
export function formatCommand(command: CommandLine): string {
  return command.map((word) => (PLAIN.test(word) ? word : quoted(word))).join(" ");
}

/** A job id that nobody else has, and that can be read: "rsync-20261123-172110-9f3a1c". */
export function generateJobId([program]: CommandLine, now: Date): string {
  const name = (basename(program) || "command").replaceAll(/[^\w.+-]/g, "_").slice(0, 60);
  const [date, time] = now.toISOString().replaceAll(/[-:]/g, "").split(/[T.]/);
  return `${name}-${date}-${time}-${randomBytes(3).toString("hex")}`;
}

/** The command that runs it at a terminal of its own, and ends as it does; `script` takes over the size of the one it has itself. */
export function withPseudoTerminal(command: CommandLine): CommandLine {
  const line = `[ "$(stty size)" != "0 0" ] || stty cols 80 rows 24; exec ${formatCommand(command)}`;
  const shell = `exec /bin/sh -c ${quoted(line)}`; // whatever shell the user has
  return ["script", "--quiet", "--return", "--flush", "--command", shell, "/dev/null"];
}

const PLAIN = /^[\w@%+=:,./-]+$/;

function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
