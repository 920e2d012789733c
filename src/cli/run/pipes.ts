import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";

export interface Pipe {
  /** The file descriptor that the command writes to. */
  readonly writeEnd: number;
  readonly source: Readable;
}

/**
 * Opens named pipes, or returns undefined if the system has none. Node.js would give the child sockets, which cannot be
 * reopened: `echo oops > /dev/stderr` would fail in the command. The caller closes the write ends after starting the
 * command.
 */
export function openPipes(count: number): readonly Pipe[] | undefined {
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(tmpdir(), "tidemark-run-"));
    const paths = Array.from({ length: count }, (_, index) => join(folder!, `${index}`)); // assigned above
    if (spawnSync("mkfifo", ["-m", "600", ...paths], { stdio: "ignore" }).status !== 0) return undefined;
    return paths.map(openPipe);
  } catch {
    return undefined; // no temporary folder: the command runs with sockets
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

export function closeWriteEnds(pipes: readonly Pipe[]): void {
  for (const { writeEnd } of pipes) closeSync(writeEnd);
}

/** Opens the reading end first: opening the writing end would block without a reader. */
function openPipe(path: string): Pipe {
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeEnd = openSync(path, constants.O_WRONLY);
  return { writeEnd, source: new Socket({ fd: readEnd, readable: true, writable: false }) };
}
