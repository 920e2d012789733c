import type { Journal } from "../../src/journal/journal.js";
import { openLmdbJournal } from "../../src/journal/lmdb-journal.js";
import { silentLog } from "../../src/util/log.js";
import { journalSuite } from "../conformance/journal-suite.js";
import { temporaryFolder } from "../kit/temporary-folder.js";

const opened = new Map<Journal, () => Promise<Journal>>();

journalSuite(
  "the LMDB journal",
  async (options) => {
    const folder = temporaryFolder();
    const open = async (): Promise<Journal> => {
      const journal = await openLmdbJournal(folder, { ...options, newEpoch: false, log: silentLog });
      opened.set(journal, open);
      return journal;
    };
    return open();
  },
  async (journal) => {
    await journal.close();
    return opened.get(journal)!();
  },
);
