/** Reads the content of a data folder after the process that wrote it has ended. */
import type { Journal } from "../../../src/journal/journal.js";
import { openLmdbJournal } from "../../../src/journal/lmdb/lmdb-journal.js";
import { DEFAULT_LIMITS } from "../../../src/protocol/limits.js";
import { MemoryBudget } from "../../../src/store/memory-budget.js";
import { PerDatabaseTaskStore } from "../../../src/store/per-database-task-store.js";
import type { TaskStore } from "../../../src/store/task-store.js";
import { Stamp } from "../../../src/tasks/stamp.js";
import type { JobState } from "../../../src/tasks/user-task.js";
import { systemClock } from "../../../src/util/clock.js";
import { SteadyClock } from "../../../src/util/steady-clock.js";
import { silentLog } from "../../../src/util/log.js";
import { databaseName, jobKey } from "../journal/entries.js";
import { storeRequestOf } from "../store/requests.js";

/** One database as plain data. */
export interface DatabaseState {
  /** For a database without any write, each read yields another epoch. */
  readonly epoch: string;
  readonly revision: number;
  readonly tombstoneHorizon: number;
  /** Jobs and removals, in the order of their latest change. */
  readonly states: readonly unknown[];
}

/** The databases with these names. @throws JournalError if they cannot be read */
export async function statesIn(folder: string, names: readonly string[]): Promise<DatabaseState[]> {
  await using journal = await open(folder);
  const stores = await Promise.all(names.map((name) => openStore(journal, name)));
  return stores.map(databaseState);
}

/** Stores one more job in a database. Returns the revision of the change. @throws TidemarkError */
export async function appendOneChange(folder: string, name: string): Promise<number> {
  await using journal = await open(folder);
  const store = await openStore(journal, name);
  await store.store({ ...storeRequestOf(jobKey("carol", "more")), database: store.database });
  return store.position.revision;
}

function open(folder: string): Promise<Journal> {
  return openLmdbJournal(folder, {
    ...DEFAULT_LIMITS,
    newEpoch: false,
    log: silentLog,
    pendingCompactionMax: 0,
  });
}

/** So many that no job is LOST while the test looks. */
const LOST_AFTER_LEASES = 1_000;

async function openStore(journal: Journal, name: string): Promise<PerDatabaseTaskStore> {
  const database = databaseName(name);
  const options = {
    clock: new SteadyClock(systemClock),
    log: silentLog,
    limits: DEFAULT_LIMITS,
    memory: new MemoryBudget(DEFAULT_LIMITS),
    lostAfterLeases: LOST_AFTER_LEASES,
  };
  return PerDatabaseTaskStore.open(database, await journal.open(database), options);
}

function databaseState(store: TaskStore): DatabaseState {
  const states: NonNullable<JobState>[] = [];
  for (let state; (state = store.nextChange(states.at(-1)?.stamp.revision ?? 0));) states.push(state);
  const text = JSON.stringify(
    { ...store.position, tombstoneHorizon: store.tombstoneHorizon, states },
    (_, field: unknown) => {
      if (field instanceof Stamp) return field.revision;
      return isTaskList(field) ? field.toArray() : field;
    },
  );
  return JSON.parse(text) as DatabaseState; // safe: it was just written from one
}

/** Task lists are compared by their content, not by their internal structure. */
function isTaskList(field: unknown): field is { toArray(): unknown } {
  return typeof field === "object" && field !== null && "toArray" in field;
}
