import type { Journal } from "../../../src/journal/journal.js";
import { createMemoryJournal } from "../../../src/journal/memory/memory-journal.js";
import { DEFAULT_LIMITS, type Limits } from "../../../src/protocol/limits.js";
import type { Retention } from "../../../src/tasks/retention.js";
import type { MemoryBudget } from "../../../src/store/memory-budget.js";
import { PerDatabaseTaskStoreProvider } from "../../../src/store/per-database-task-store-provider.js";
import { PerDatabaseTaskStore } from "../../../src/store/per-database-task-store.js";
import { ManualSteadyClock } from "../deterministic/manual-steady-clock.js";
import { observeJournal, type ObservedJournal } from "../journal/observed-journal.js";
import { RecordingLog } from "../server/recording-log.js";
import { DATABASE } from "./requests.js";

/** Task stores over a journal in memory, separate for each test. */
export interface Stores extends AsyncDisposable {
  readonly provider: PerDatabaseTaskStoreProvider;
  readonly journal: ObservedJournal;
  readonly clock: ManualSteadyClock;
  readonly log: RecordingLog;
  readonly limits: Limits;
  readonly memory: MemoryBudget;
  readonly retention: Retention;
  readonly idleMs: number;
  readonly lostAfterLeases: number;
}

export interface StoresOptions {
  readonly limits?: Partial<Limits> | undefined;
  /** Default: a day for all. */
  readonly retention?: Retention;
  /** Default: an hour. */
  readonly idleMs?: number;
  /** Wraps the journal in memory. */
  readonly journal?: (journal: Journal) => Journal;
}

/** The instant at which the clock starts. */
export const START = 1_700_000_000_000;

export function createStores({
  limits: given,
  retention = retentionOf(86_400_000),
  idleMs = 3_600_000,
  journal: wrap = same,
}: StoresOptions = {}): Stores {
  const limits = { ...DEFAULT_LIMITS, ...given };
  const journal = observeJournal(wrap(createMemoryJournal(limits)));
  const clock = new ManualSteadyClock(START);
  const log = new RecordingLog();
  const lostAfterLeases = 3;
  const options = { clock, log, limits, retention, idleMs, lostAfterLeases };
  const provider = new PerDatabaseTaskStoreProvider(journal, options);
  return {
    provider,
    journal,
    clock,
    log,
    limits,
    memory: provider.memory,
    retention,
    idleMs,
    lostAfterLeases,
    async [Symbol.asyncDispose]() {
      await provider.close();
      await journal.close();
    },
  };
}

/** Keeps all ended jobs for `ms`, and those that FAILED for `failedMs`. */
export function retentionOf(ms: number, failedMs = ms): Retention {
  return {
    ended: { byPattern: [], otherwiseMs: ms },
    failed: { byPattern: [], otherwiseMs: failedMs },
  };
}

/** The same with one open store, of `DATABASE`. */
export interface OpenedStore extends Omit<Stores, "provider"> {
  readonly store: PerDatabaseTaskStore;
  /** A second store of the same database, loaded from the journal. */
  reopened(): Promise<PerDatabaseTaskStore>;
}

export async function openStore(options: StoresOptions = {}): Promise<OpenedStore> {
  const { provider: _, ...world } = createStores(options);
  const { journal } = world;
  const open = async (): Promise<PerDatabaseTaskStore> =>
    PerDatabaseTaskStore.open(DATABASE, await journal.open(DATABASE), world);
  const store = await open();
  return {
    ...world,
    store,
    reopened: open,
    async [Symbol.asyncDispose]() {
      await store.close();
      await journal.close();
    },
  };
}

function same(journal: Journal): Journal {
  return journal;
}
