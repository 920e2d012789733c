import { onTestFinished } from "vitest";
import type { Journal } from "../../../src/journal/journal.js";
import { openPostgresJournal, type PostgresOptions } from "../../../src/journal/postgres/postgres-journal.js";
import { silentLog } from "../../../src/util/log.js";
import type { OpenFresh, Reopen } from "../../conformance/journal-suite.js";
import type { PostgresServer } from "../postgres/postgres-server.js";

export const POSTGRES_OPTIONS: PostgresOptions = {
  removalsKeptMax: 100,
  logLinesPerJobMax: 10,
  newEpoch: false,
  log: silentLog,
};

/** A journal that is closed at the end of the test, as one of several servers opens it. */
export async function openPostgres(url: string, options: Partial<PostgresOptions> = {}): Promise<Journal> {
  const journal = await openPostgresJournal(url, { ...POSTGRES_OPTIONS, ...options });
  onTestFinished(() => journal.close());
  return journal;
}

/** How the conformance suite opens journals. A later test uses the databases of earlier ones, emptied: creating one is slow. */
export function postgresOpener(
  server: () => PostgresServer,
  { urlOf = (url: string) => url, decorate = (journal: Journal) => journal } = {},
): { readonly openFresh: OpenFresh; readonly reopen: Reopen } {
  const reopenings = new WeakMap<Journal, () => Promise<Journal>>();
  const unused: string[] = [];
  const open = async (url: string, options: PostgresOptions): Promise<Journal> => {
    const journal = decorate(await openPostgresJournal(urlOf(url), options));
    reopenings.set(journal, () => open(url, options));
    return journal;
  };
  return {
    openFresh: async (options) => {
      const url = unused.pop() ?? (await server().createDatabase());
      onTestFinished(() => void unused.push(url));
      const journal = await open(url, { ...POSTGRES_OPTIONS, ...options });
      await server().query(EMPTY, url);
      return journal;
    },
    reopen: async (journal) => {
      await journal.close();
      return reopenings.get(journal)!();
    },
  };
}

const TABLES = ["databases", "generations", "entries", "jobs", "removals", "fences", "leases"];
const EMPTY = `TRUNCATE ${TABLES.map((table) => `tidemark.${table}`).join(", ")}`;
