import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";

/** What a command writes into, and what comes out of it. */
export interface Pipe {
  /** The file descriptor for the command. */
  readonly entry: number;
  readonly source: Readable;
}

/**
 * Pipes as a shell makes them; undefined where there can be none. What Node.js gives a child are sockets, and those can't
 * be opened again: `echo oops > /dev/stderr` would fail in the command. Whoever has started it closes the entries.
 */
export function openPipes(count: number): readonly Pipe[] | undefined {
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(tmpdir(), "tidemark-run-"));
    const paths = Array.from({ length: count }, (_, index) => join(folder!, `${index}`)); // it was just made
    if (spawnSync("mkfifo", ["-m", "600", ...paths], { stdio: "ignore" }).status !== 0) return undefined;
    return paths.map(openPipe);
  } catch {
    return undefined; // no folder for temporary files: the command runs all the same
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

export function closeEntries(pipes: readonly Pipe[]): void {
  for (const { entry } of pipes) closeSync(entry);
}

/** The end that is read is opened first, as neither may wait for the other. */
function openPipe(path: string): Pipe {
  const exit = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const entry = openSync(path, constants.O_WRONLY);
  return { entry, source: new Socket({ fd: exit, readable: true, writable: false }) };
}
