import type { Journal, OpenOptions } from "./journal.js";
import { createMemoryJournal } from "./memory/memory-journal.js";

/**
 * Opens the journal for a store URL, by its scheme: `memory:`, `lmdb:DIR` or `postgres://…`. A new driver is one more entry in
 * `DRIVERS`.
 * @throws Error if this version does not support the store; the message, for the operator, lists the supported
 * ones.
 */
export async function openJournal(url: string, options: OpenOptions): Promise<Journal> {
  const scheme = schemeOf(url);
  if (!isKnown(scheme)) throw unknownStore(scheme);
  return DRIVERS[scheme](url.slice(scheme.length), options);
}

/** Receives the URL after its scheme. A driver is loaded on first use. */
type Driver = (rest: string, options: OpenOptions) => Journal | Promise<Journal>;

const DRIVERS = {
  "memory:": (_rest, options) => createMemoryJournal(options),
  "lmdb:": async (folder, options) => {
    const { openLmdbJournal } = await import("./lmdb/lmdb-journal.js").catch(explainMissingBinary);
    return openLmdbJournal(folder, options);
  },
  "postgres:": openPostgres,
  "postgresql:": openPostgres,
} satisfies Record<`${string}:`, Driver>;

async function openPostgres(rest: string, options: OpenOptions): Promise<Journal> {
  const { openPostgresJournal } = await import("./postgres/postgres-journal.js");
  return openPostgresJournal(`postgres:${rest}`, options);
}

/** The binary of LMDB is in an optional dependency, of which npm installs the one for the platform. */
function explainMissingBinary(cause: unknown): never {
  if (!String(cause).includes("No native build")) throw cause;
  const platform = `${process.platform} on ${process.arch}`;
  throw new Error(
    `The store lmdb: has no binary for ${platform}. If npm installed without optional dependencies, install with them; otherwise choose --store memory:.`,
    { cause },
  );
}

/** The text up to the first colon, and no more: the rest may contain a password. */
function schemeOf(url: string): string {
  return url.slice(0, url.indexOf(":") + 1);
}

function isKnown(scheme: string): scheme is keyof typeof DRIVERS {
  return Object.hasOwn(DRIVERS, scheme);
}

function unknownStore(scheme: string): Error {
  const reason = scheme === "" ? "The store URL has no scheme" : `Unknown store ${JSON.stringify(scheme)}`;
  const known = Object.keys(DRIVERS).join(", ");
  return new Error(
    `${reason}: this version supports ${known}. Choose one of these (--store), or install a version that supports yours.`,
  );
}
