/** Servers on a data folder, as an operator runs them, with faults of the machine below. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { onTestFinished } from "vitest";
import { Program, readyLine, startTidemark, type Tidemark } from "../process/child-process.js";
import { underStrace } from "./strace.js";
import { HttpConnection } from "../network/raw-http.js";
import { IS_FULL_LENGTH } from "../process/full-length.js";

/** The flags for this data folder. */
export function onFolder(folder: string): string[] {
  return ["--port", "0", "--store", `lmdb:${folder}`];
}

export function startOn(folder: string): Promise<Tidemark> {
  return startTidemark(onFolder(folder));
}

/** A server under strace. `tampering` holds the arguments of strace; calls are logged to `log`. */
export async function startUnderStrace(
  folder: string,
  tampering: readonly string[],
  log: string,
): Promise<Tidemark> {
  return ready(underStrace(tampering, ["dist/main.js", "serve", ...onFolder(folder)], log));
}

/** A server that cannot extend a file beyond this number of bytes. */
export async function startWithFilesUpTo(bytes: number, folder: string): Promise<Tidemark> {
  const command = `ulimit -f ${bytes / 1_024}; exec "$0" dist/main.js serve "$@"`;
  return ready(new Program("bash", ["-c", command, process.execPath, ...onFolder(folder)]));
}

/** Sets the limit of open files of a running server, which has fitted its own limits to another one. */
export function limitDescriptors({ program }: Tidemark, count: number): void {
  spawnSync("prlimit", ["--pid", String(program.pid), `--nofile=${count}:`]);
}

/** A server whose parent never waits for it: once killed, it remains a zombie until the program is disposed of. */
export async function startWithoutReaper(folder: string): Promise<Tidemark & { readonly pid: number }> {
  const command = `"$0" dist/main.js serve "$@" & exec sleep 60`;
  const program = new Program("bash", ["-c", command, process.execPath, ...onFolder(folder)]);
  const { pid } = await readyLine(program);
  return { ...(await ready(program)), pid };
}

/** Whether the process has ended but has not been reaped. */
export function isZombie(pid: number): boolean {
  return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

export const HAS_PROC = existsSync("/proc/self/stat");

/** Kills it as `kill -9` does. Resolves when the process has ended. */
export async function kill({ program }: Tidemark): Promise<void> {
  program.signal("SIGKILL");
  await program.exited;
}

/** The status of `/ready`: 200 or 503. */
export async function readiness(url: string): Promise<number> {
  using connection = new HttpConnection(url);
  return (await connection.request({ path: "/ready" })).status;
}

/** Whether long tests are enabled and this process may mount a disk, which needs root. */
export const CAN_MOUNT = IS_FULL_LENGTH && canMount();

/** Mounts an empty disk of this size at `folder` until the test ends. */
export function mountDisk(folder: string, bytes: number): void {
  const disk = mountedDisk(folder, bytes);
  onTestFinished(() => disk[Symbol.dispose]());
}

/** Mounts an empty disk of this size at `folder` until it is disposed of. */
export function mountedDisk(folder: string, bytes: number): Disposable {
  mkdirSync(folder, { recursive: true });
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder]);
  if (status !== 0) throw new Error(`No disk could be mounted: ${String(stderr)}`);
  return { [Symbol.dispose]: () => void spawnSync("umount", ["--lazy", folder]) };
}

function canMount(): boolean {
  const command = "mount -t tmpfs tmpfs /mnt && umount /mnt";
  return spawnSync("unshare", ["--mount", "sh", "-c", command]).status === 0;
}

async function ready(program: Program): Promise<Tidemark> {
  const { url } = await readyLine(program);
  return { program, url, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}
