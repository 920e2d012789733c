import { describe, expect, it, onTestFinished } from "vitest";
import type { Journal } from "../../../src/journal/journal.js";
import { openPostgresJournal, type PostgresOptions } from "../../../src/journal/postgres/postgres-journal.js";
import { silentLog } from "../../../src/util/log.js";
import { journalSuite, type OpenFresh, type Reopen } from "../../conformance/journal-suite.js";
import { seededRandom } from "../../kit/deterministic/seeded-random.js";
import { delayJournal } from "../../kit/journal/delayed-journal.js";
import { databaseName, jobKey, loadAll, storing } from "../../kit/journal/entries.js";
import { createFaultyJournal } from "../../kit/journal/faulty-journal.js";
import { HAS_POSTGRES, NEEDS_POSTGRES } from "../../kit/postgres/installation.js";
import { sharedPostgres } from "../../kit/postgres/shared-postgres.js";
import { IS_FULL_LENGTH } from "../../kit/process/full-length.js";

const OPTIONS: PostgresOptions = {
  removalsKeptMax: 100,
  logLinesPerJobMax: 10,
  newEpoch: false,
  log: silentLog,
};
const DB = databaseName("neo4j");
const JOB = jobKey("alice", "job");

describe.skipIf(!HAS_POSTGRES)(`the PostgreSQL journal ${NEEDS_POSTGRES}`, () => {
  const postgres = sharedPostgres({ settings: { fsync: "off" } });
  const suiteOn = (name: string, decorate: (journal: Journal) => Journal): void => {
    const { openFresh, reopen } = opener(() => postgres.server.createDatabase(), decorate);
    journalSuite(name, openFresh, reopen);
  };

  suiteOn("the PostgreSQL journal", (journal) => journal);
  describe.skipIf(!IS_FULL_LENGTH)("under faults (runs in CI)", () => {
    suiteOn("the PostgreSQL journal with delays", (journal) =>
      delayJournal(journal, seededRandom(20_240_229)),
    );
    suiteOn("the faulty PostgreSQL journal without planned failures", createFaultyJournal);
  });

  it("shares its databases with other processes", async () => {
    const url = await postgres.server.createDatabase();
    const [one, another] = [await openOn(url), await openOn(url)];
    await (await one.open(DB)).append([storing(JOB)]);
    expect(await another.databases()).toEqual([{ name: DB, jobCount: 1 }]);
    expect(await loadAll(await another.open(DB))).toMatchObject({ revision: 1, jobs: [JOB] });
  });
});

async function openOn(url: string, options: Partial<PostgresOptions> = {}): Promise<Journal> {
  const journal = await openPostgresJournal(url, { ...OPTIONS, ...options });
  onTestFinished(() => journal.close());
  return journal;
}

function opener(
  newUrl: () => Promise<string>,
  decorate: (journal: Journal) => Journal,
): { readonly openFresh: OpenFresh; readonly reopen: Reopen } {
  const opened = new WeakMap<Journal, () => Promise<Journal>>();
  const open = async (url: string, options: PostgresOptions): Promise<Journal> => {
    const journal = decorate(await openPostgresJournal(url, options));
    opened.set(journal, () => open(url, options));
    return journal;
  };
  return {
    openFresh: async (options) => open(await newUrl(), { ...OPTIONS, ...options }),
    reopen: async (journal) => {
      await journal.close();
      return opened.get(journal)!();
    },
  };
}
