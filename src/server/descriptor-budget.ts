import { readdirSync, readFileSync } from "node:fs";
import type { Limits } from "../protocol/limits.js";
import { RESERVED_CONNECTIONS } from "./http/connection-limiter.js";

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

export interface FittedLimits {
  readonly limits: Limits;
  /** For the operator, if limits were lowered. */
  readonly warning: string | undefined;
}

/**
 * Lowers the limits of connections and of open databases to the open files that the system allows. Without a descriptor the
 * server could neither answer a health probe nor write, so some are kept for that. Databases get at most a quarter, since
 * clients usually hold more connections than databases.
 *
 * @param perDatabase descriptors of an open database.
 */
export function fitToDescriptors(
  limits: Limits,
  perDatabase: number,
  descriptors: Descriptors | undefined,
): FittedLimits {
  if (!descriptors) return { limits, warning: undefined };
  const { connectionsMax, databasesOpenMax } = limits;
  const available = Math.max(0, descriptors.limit - descriptors.inUse - RESERVED);
  const databases = perDatabase === 0 ? Infinity : Math.floor(available / DATABASES_SHARE / perDatabase);
  const fittedDatabases = Math.max(1, Math.min(databasesOpenMax, databases));
  const connections = Math.max(1, Math.min(connectionsMax, available - perDatabase * fittedDatabases));
  if (connections === connectionsMax && fittedDatabases === databasesOpenMax)
    return { limits, warning: undefined };
  const needed = connectionsMax + perDatabase * databasesOpenMax + descriptors.inUse + RESERVED;
  const fitted = { ...limits, connectionsMax: connections, databasesOpenMax: fittedDatabases };
  return { limits: fitted, warning: warningOf(fitted, descriptors.limit, needed) };
}

function warningOf({ connectionsMax, databasesOpenMax }: Limits, limit: number, needed: number): string {
  return (
    `the limit of open files is ${limit}, and the settings need ${needed}. The server accepts ${connectionsMax} connections ` +
    `and keeps ${databasesOpenMax} databases open instead. Raise the limit (ulimit -n ${needed}, or LimitNOFILE= of systemd), ` +
    "or lower --connections-max and --databases-open-max"
  );
}

/** For the log, the journal's own files, and the files and addresses that the server reads. */
const OTHER_FILES = 64;

const RESERVED = RESERVED_CONNECTIONS + OTHER_FILES;

const DATABASES_SHARE = 4;
