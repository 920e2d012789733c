import type { Journal } from "../../../src/journal/journal.js";
import type { LmdbOptions } from "../../../src/journal/lmdb/lmdb-database.js";
import { openLmdbJournal } from "../../../src/journal/lmdb/lmdb-journal.js";
import { silentLog } from "../../../src/util/log.js";
import { journalSuite, type OpenFresh } from "../../conformance/journal-suite.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";

const opened = new Map<Journal, () => Promise<Journal>>();

journalSuite("the LMDB journal", openFresh({}), reopen);

journalSuite(
  "the LMDB journal that compacts and rewrites as early as it can",
  openFresh({ pendingCompactionMax: 0, logBytesMax: 0, rewriteBytesMin: 0 }),
  reopen,
);

function openFresh(
  lmdbOptions: Pick<LmdbOptions, "pendingCompactionMax" | "logBytesMax" | "rewriteBytesMin">,
): OpenFresh {
  return (options) => {
    const folder = temporaryFolder();
    const open = async (): Promise<Journal> => {
      const journal = await openLmdbJournal(folder, {
        ...options,
        ...lmdbOptions,
        newEpoch: false,
        log: silentLog,
      });
      opened.set(journal, open);
      return journal;
    };
    return open();
  };
}

async function reopen(journal: Journal): Promise<Journal> {
  await journal.close();
  return opened.get(journal)!();
}
