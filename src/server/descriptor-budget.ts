import { DEFAULT_LIMITS, type Limits } from "../protocol/limits.js";
import { RESERVED_CONNECTIONS } from "./http/connection-limiter.js";
import type { Descriptors } from "../util/open-files.js";

export interface FittedLimits {
  readonly limits: Limits;
  /** For the operator, if limits were lowered. */
  readonly notice: Notice | undefined;
}

interface Notice {
  /** `info` if only defaults were lowered, and enough remains for most servers. */
  readonly level: "info" | "warn";
  readonly message: string;
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
  if (!descriptors) return { limits, notice: undefined };
  const { connectionsMax, databasesOpenMax } = limits;
  const available = Math.max(0, descriptors.limit - descriptors.inUse - RESERVED);
  const databases = perDatabase === 0 ? Infinity : Math.floor(available / DATABASES_SHARE / perDatabase);
  const fittedDatabases = Math.max(1, Math.min(databasesOpenMax, databases));
  const connections = Math.max(1, Math.min(connectionsMax, available - perDatabase * fittedDatabases));
  if (connections === connectionsMax && fittedDatabases === databasesOpenMax)
    return { limits, notice: undefined };
  const needed = connectionsMax + perDatabase * databasesOpenMax + descriptors.inUse + RESERVED;
  const fitted = { ...limits, connectionsMax: connections, databasesOpenMax: fittedDatabases };
  const isMinor = connections >= CONNECTIONS_PLENTY && hasDefaults(limits);
  const message = messageOf(fitted, descriptors.limit, needed);
  return { limits: fitted, notice: { level: isMinor ? "info" : "warn", message } };
}

function hasDefaults({ connectionsMax, databasesOpenMax }: Limits): boolean {
  return (
    connectionsMax === DEFAULT_LIMITS.connectionsMax && databasesOpenMax === DEFAULT_LIMITS.databasesOpenMax
  );
}

function messageOf({ connectionsMax, databasesOpenMax }: Limits, limit: number, needed: number): string {
  return (
    `the limit of open files is ${limit}, and the settings need ${needed}. The server accepts ${connectionsMax} connections ` +
    `and keeps ${databasesOpenMax} databases open instead. Raise the limit (ulimit -n ${needed}, or LimitNOFILE= of systemd), ` +
    "or lower --connections-max and --databases-open-max"
  );
}

/** For the log, the journal's own files, and the files and addresses that the server reads. */
const OTHER_FILES = 64;

const RESERVED = RESERVED_CONNECTIONS + OTHER_FILES;

/** With so many connections, most operators need not act. */
const CONNECTIONS_PLENTY = 1_000;

const DATABASES_SHARE = 4;
