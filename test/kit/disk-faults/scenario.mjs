/**
 * A fixed sequence of changes to a data folder, in a process that may be killed at any moment: two databases,
 * every kind of change, batches, a clean stop and another start. The only argument is the folder.
 *
 * Each step is one append. After its answer, the process prints one line with the state of all databases
 * before the next step begins.
 */
import { writeSync } from "node:fs";
import { openLmdbJournal } from "../../../dist/journal/lmdb/lmdb-journal.js";
import { DEFAULT_LIMITS } from "../../../dist/protocol/limits.js";
import { MemoryBudget } from "../../../dist/store/memory-budget.js";
import { PerDatabaseTaskStore } from "../../../dist/store/per-database-task-store.js";
import { Stamp } from "../../../dist/tasks/stamp.js";
import { SteadyClock } from "../../../dist/util/steady-clock.js";
import { silentLog } from "../../../dist/util/log.js";

const FOLDER = process.argv[2];
/** Stands still, so no lease expires. */
const CLOCK = new SteadyClock({
  now: () => 1_700_000_000_000,
  monotonic: () => 0,
  schedule: () => ({ cancel() {} }),
});
const ALICE = { username: "alice", jobId: "train" };
const BOB = { username: "bob", jobId: "load" };
const ANY = { attempt: null };

const LIVES = [
  [
    ({ first }) => first.store(job("first", ALICE)),
    ({ first }) => first.update(ALICE, report({ path: "0", done: 3 })),
    ({ second }) => second.store(job("second", BOB)),
    ({ first }) =>
      Promise.all([
        first.store(job("first", BOB)),
        first.update(ALICE, report({ path: "0", done: 7 }, "more")),
        first.update(BOB, report({ message: "x".repeat(900) })),
      ]),
    ({ first }) => first.remove(ALICE, ANY),
    ({ second }) => second.requestCancel(BOB, { ...ANY, by: "alice", reason: null }),
  ],
  [
    ({ first }) => first.store(job("first", ALICE)),
    ({ first }) => first.purge(),
    ({ second }) => second.update(BOB, report({ path: "1", done: 1 })),
  ],
];

for (const steps of LIVES) {
  // A small log and early compaction, so that there are checkpoints and records of every kind, and files are rewritten.
  const bounds = { pendingCompactionMax: 0, logBytesMax: 4_000, rewriteBytesMin: 0 };
  const options = { ...DEFAULT_LIMITS, newEpoch: false, log: silentLog, ...bounds };
  const journal = await openLmdbJournal(FOLDER, options);
  const stores = { first: await openStore(journal, "first"), second: await openStore(journal, "second") };
  for (const step of steps) {
    await step(stores);
    writeSync(1, `${asText(Object.values(stores).map(stateOf))}\n`);
  }
  await Promise.all(Object.values(stores).map((store) => store.close()));
  await journal.close();
}

async function openStore(journal, name) {
  const memory = new MemoryBudget(DEFAULT_LIMITS);
  const options = { limits: DEFAULT_LIMITS, clock: CLOCK, log: silentLog, memory, lostAfterLeases: 3 };
  return PerDatabaseTaskStore.open(name, await journal.open(name), options);
}

function job(database, key) {
  const spec = {
    description: "job",
    subTasks: [{ description: "read", volume: 10 }, { description: "write" }],
  };
  return {
    ...key,
    database,
    spec,
    onConflict: "OVERWRITE",
    memory: null,
    leaseMs: 60_000,
    requestId: null,
  };
}

function report(update, ...messages) {
  const log = messages.map((message) => ({ level: "INFO", path: "", message }));
  return { ...ANY, updates: [{ path: "", ...update }], log, requestId: null };
}

/** The same as `databaseState` in folder-state.ts. */
function stateOf(store) {
  const states = [];
  for (let state; (state = store.nextChange(states.at(-1)?.stamp.revision ?? 0));) states.push(state);
  return { ...store.position, tombstoneHorizon: store.tombstoneHorizon, states };
}

function asText(value) {
  return JSON.stringify(value, (_, field) =>
    field instanceof Stamp ? field.revision : (field?.toArray?.() ?? field),
  );
}
