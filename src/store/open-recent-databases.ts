import type { Journal } from "../journal/journal.js";
import type { Clock } from "../util/clock.js";
import type { Log } from "../util/log.js";
import type { TaskStoreProvider } from "./task-store-provider.js";

/**
 * Opens the most recently written databases, one after the other, so that the first requests after a start are fast.
 * The other databases are opened on demand. A database that can't be opened is skipped; the provider logs it.
 *
 * @param signal stops before the next database.
 */
export async function openRecentDatabases(
  journal: Journal,
  provider: TaskStoreProvider,
  { clock, log, signal }: { clock: Clock; log: Log; signal: AbortSignal | undefined },
): Promise<void> {
  const names = await journal.recent(RECENT_MAX);
  if (names.length === 0) return;
  const jobCounts = new Map((await journal.databases()).map(({ name, jobCount }) => [name, jobCount]));
  const isOver = (): boolean => signal?.aborted === true;
  let opened = 0;
  const progress = (): void => {
    const database = names[opened];
    const jobs = database && jobCounts.get(database);
    log.info({ opened, of: names.length, opening: database, jobs }, "opening databases");
    timer = clock.schedule(PROGRESS_MS, progress);
  };
  let timer = clock.schedule(PROGRESS_MS, progress);
  try {
    for (; opened < names.length && !isOver(); opened++) {
      const database = names[opened]!;
      await provider.find(database).catch(() => undefined);
    }
  } finally {
    timer.cancel();
  }
}

const RECENT_MAX = 16;

/** How often the progress of a long opening is logged. */
const PROGRESS_MS = 1_000;
