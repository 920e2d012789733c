import type { Journal, OpenOptions } from "./journal.js";
import { createMemoryJournal } from "./memory/memory-journal.js";

/** Where the URL of a store becomes a journal. A new driver is one more line of `DRIVERS`. */

/**
 * Opens the journal that `url` names, by its scheme: `memory:`, `lmdb:DIR`. Called once, when the server starts.
 * @throws Error when this version has no such store; the message is for the operator, and says which it has.
 */
export async function openJournal(url: string, options: OpenOptions): Promise<Journal> {
  const scheme = schemeOf(url);
  if (!isKnown(scheme)) throw unknownStore(scheme);
  return DRIVERS[scheme](url.slice(scheme.length), options);
}

/** Gets what follows the scheme. A driver is loaded when it is asked for. */
type Driver = (rest: string, options: OpenOptions) => Journal | Promise<Journal>;

const DRIVERS = {
  "memory:": (_rest, options) => createMemoryJournal(options),
  "lmdb:": async (folder, options) =>
    (await import("./lmdb/lmdb-journal.js")).openLmdbJournal(folder, options),
} satisfies Record<`${string}:`, Driver>;

/** The text up to the first colon, and no more: what follows may hold a password. */
function schemeOf(url: string): string {
  return url.slice(0, url.indexOf(":") + 1);
}

function isKnown(scheme: string): scheme is keyof typeof DRIVERS {
  return Object.hasOwn(DRIVERS, scheme);
}

function unknownStore(scheme: string): Error {
  const asked = scheme === "" ? "The store has no scheme" : `There is no store ${JSON.stringify(scheme)}`;
  const known = Object.keys(DRIVERS).join(", ");
  return new Error(
    `${asked} in this version; it has: ${known}. Choose one of these (--store), or use a version that has the other.`,
  );
}
