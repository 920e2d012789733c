import { readdirSync, readFileSync } from "node:fs";

/** The open files of the process. */
export interface Descriptors {
  /** The soft limit of open files (`ulimit -n`). */
  readonly limit: number;
  /** Open before the server listens. */
  readonly inUse: number;
}

/** Reads the descriptors of this process; undefined where the system does not tell. */
export function readDescriptors(): Descriptors | undefined {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return limit === undefined
      ? undefined
      : { limit: Number(limit), inUse: readdirSync("/proc/self/fd").length };
  } catch {
    return undefined;
  }
}
