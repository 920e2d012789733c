/**
 * The time from a change until its append starts and until its answer, by the number of writers, users and databases. It
 * shows why each database has a queue, and not each user.
 *
 *     npx tsx bench/commit-wait.bench.ts
 *
 * Each writer changes its own job sequentially, with up to 1 ms between an answer and the next change. Journals: in
 * memory; in memory with concurrent appends of 0.5 ms; in memory with sequential appends of 0.5 ms, like databases that
 * share a disk.
 *
 * Results as ratios to 64 writers of 64 users in 1 database (medians of 3 rounds, Node 20, 2 shared cores):
 *
 *     writers/users/databases      1/1/1  8/1/1  64/1/1  64/8/1  64/64/1  64/64/8  64/64/64
 *     in memory             waits    3.2    1.5     1.2     1.0   0.006 ms    0.8       0.8
 *                        answered    2.8    1.4     1.1     0.9   0.010 ms    0.8       0.8
 *     0.5 ms, at once       waits   0.03    0.5     1.0     0.9    0.74 ms    0.5      0.01
 *                        answered    0.4    0.6     1.0     0.9     1.5 ms    0.7       0.4
 *     0.5 ms, one at a time waits   0.04    0.6     1.2     1.0    0.60 ms    6.5      0.02
 *                        answered    0.4    0.7     1.1     1.0     1.3 ms    6.9        28
 *
 * The number of users makes no difference: changes that arrive during an append share the next one, here 25 of them, so
 * each waits for at most one append. A queue for each of the 64 users (last column) saves that wait at best, and needs an
 * append per change: on one disk, answers take 28 times as long. So the users of a database share its queue.
 */
import { setImmediate } from "node:timers/promises";
import type { DatabaseJournal, Journal, JournalEntry } from "../src/journal/journal.js";
import { createMemoryJournal } from "../src/journal/memory/memory-journal.js";
import { DEFAULT_LIMITS } from "../src/protocol/limits.js";
import { PerDatabaseTaskStoreProvider } from "../src/store/per-database-task-store-provider.js";
import { parseDatabaseName, parseJobId, parseUsername, type JobKey } from "../src/tasks/names.js";
import { systemClock } from "../src/util/clock.js";
import { SteadyClock } from "../src/util/steady-clock.js";
import { silentLog } from "../src/util/log.js";
import { median } from "./repeat.js";

const CHANGES_PER_WRITER = 100;
const ROUNDS = 3;
const APPEND_MS = 0.5;
const PAUSE_MS = 1;
const FOR_EVER = { byPattern: [], otherwiseMs: Infinity };

const SHAPES = [
  { writers: 1, users: 1, databases: 1 },
  { writers: 8, users: 1, databases: 1 },
  { writers: 64, users: 1, databases: 1 },
  { writers: 64, users: 8, databases: 1 },
  { writers: 64, users: 64, databases: 1 },
  { writers: 64, users: 64, databases: 8 },
  { writers: 64, users: 64, databases: 64 },
];

const JOURNALS = {
  "in memory": () => Promise.resolve(),
  "0.5 ms, at once": () => passed(APPEND_MS),
  "0.5 ms, one at a time": oneAtATime(() => passed(APPEND_MS)),
} as const satisfies Record<string, () => Promise<void>>;

type JournalName = keyof typeof JOURNALS;

interface Run {
  /** Milliseconds from each change to the start of its append. */
  readonly waits: readonly number[];
  /** Milliseconds from each change to its answer. */
  readonly answers: readonly number[];
  readonly appends: number;
  readonly changesPerSecond: number;
}

async function run(
  journalName: JournalName,
  { writers, users, databases }: (typeof SHAPES)[number],
): Promise<Run> {
  const observed: Observed = { waits: [], answers: [], appends: 0, askedAt: new Map() };
  const journal = observe(createMemoryJournal(DEFAULT_LIMITS), observed, JOURNALS[journalName]);
  await using provider = new PerDatabaseTaskStoreProvider(journal, {
    clock: new SteadyClock(systemClock),
    limits: DEFAULT_LIMITS,
    log: silentLog,
    retention: { ended: FOR_EVER, failed: FOR_EVER },
    idleMs: Infinity,
    lostAfterLeases: 3,
  });
  const begunAt = performance.now();
  await Promise.all(
    Array.from({ length: writers }, (_, writer) =>
      write(provider, `db${writer % databases}`, keyOf(writer, users), observed),
    ),
  );
  const seconds = (performance.now() - begunAt) / 1_000;
  return { ...observed, changesPerSecond: observed.waits.length / seconds };
}

interface Observed {
  readonly waits: number[];
  readonly answers: number[];
  readonly askedAt: Map<string, number>;
  appends: number;
}

/** One writer: stores its job, then reports progress sequentially. */
async function write(
  provider: PerDatabaseTaskStoreProvider,
  databaseName: string,
  key: JobKey,
  { askedAt, answers }: Observed,
): Promise<void> {
  const database = parseDatabaseName(databaseName, DEFAULT_LIMITS);
  const store = await provider.getTaskStore(database);
  const ask = async (change: () => Promise<unknown>): Promise<void> => {
    const now = performance.now();
    askedAt.set(key.jobId, now);
    await change();
    answers.push(performance.now() - now);
  };
  const spec = { description: "task", volume: CHANGES_PER_WRITER };
  const request = { ...key, database, spec, memory: null, leaseMs: 60_000, requestId: null };
  await ask(() => store.store({ ...request, onConflict: "OVERWRITE" }));
  for (let change = 1; change <= CHANGES_PER_WRITER; change++) {
    await passed(Math.random() * PAUSE_MS);
    const updates = [{ path: "", done: change }];
    await ask(() => store.update(key, { attempt: null, updates, log: [], requestId: null }));
  }
}

/** Wraps `journal`: appends record how long their changes waited, and then take `takeTime`. */
function observe(journal: Journal, observed: Observed, takeTime: () => Promise<void>): Journal {
  const append = async (handle: DatabaseJournal, entries: readonly JournalEntry[]) => {
    const now = performance.now();
    observed.appends++;
    for (const { jobId } of entries) observed.waits.push(now - observed.askedAt.get(jobId)!);
    await takeTime();
    return handle.append(entries);
  };
  return {
    supports: journal.supports,
    open: async (database) => {
      const handle = await journal.open(database);
      return {
        load: (take) => handle.load(take),
        erase: () => handle.erase(),
        append: (entries) => append(handle, entries),
        find: (commitId) => handle.find(commitId),
        follow: (point, signal) => handle.follow(point, signal),
        head: () => handle.head(),
        holdsLease: () => handle.holdsLease(),
        close: () => handle.close(),
      };
    },
    databases: () => journal.databases(),
    recent: (count) => journal.recent(count),
    isWritable: () => journal.isWritable(),
    close: () => journal.close(),
    [Symbol.asyncDispose]: () => journal[Symbol.asyncDispose](),
  };
}

/** Each writer has its own job id, which identifies its changes. */
function keyOf(writer: number, users: number): JobKey {
  return {
    username: parseUsername(`user${writer % users}`, DEFAULT_LIMITS),
    jobId: parseJobId(`job${writer}`, DEFAULT_LIMITS),
  };
}

/** Resolves after `ms`. It polls in every turn of the event loop, as timers have a resolution of 1 ms. */
async function passed(ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end) await setImmediate();
}

function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let last = Promise.resolve();
  return () => (last = last.then(work));
}

/** Interleaves the shapes in rounds, so that other load on the machine affects all alike. */
async function measure(journalName: JournalName): Promise<object[]> {
  const runs = SHAPES.map(() => [] as Run[]);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [at, shape] of SHAPES.entries()) {
      const done = await run(journalName, shape);
      if (round > 0) runs[at]!.push(done);
    }
  }
  return SHAPES.map((shape, at) => rowOf(shape, runs[at]!));
}

function rowOf({ writers, users, databases }: (typeof SHAPES)[number], runs: readonly Run[]): object {
  return {
    writers,
    users,
    databases,
    "wait ms": Number(median(runs.map(({ waits }) => median(waits))).toFixed(3)),
    "answer ms": Number(median(runs.map(({ answers }) => median(answers))).toFixed(3)),
    "changes per append": Number(median(runs.map(({ waits, appends }) => waits.length / appends)).toFixed(1)),
    "changes per second": Math.round(median(runs.map(({ changesPerSecond }) => changesPerSecond))),
  };
}

for (const journalName of Object.keys(JOURNALS) as JournalName[]) {
  console.log(`\njournal ${journalName}`);
  console.table(await measure(journalName));
}
