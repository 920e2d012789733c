import { Hub } from "../../../src/hub/hub.js";
import type { Journal, JournalEntry } from "../../../src/journal/journal.js";
import { createMemoryJournal } from "../../../src/journal/memory/memory-journal.js";
import { DEFAULT_LIMITS, type Limits } from "../../../src/protocol/limits.js";
import { PerDatabaseTaskStoreProvider } from "../../../src/store/per-database-task-store-provider.js";
import type { PerDatabaseTaskStore } from "../../../src/store/per-database-task-store.js";
import { decodeChange } from "../../../src/store/journal-codec.js";
import { Stamp } from "../../../src/tasks/stamp.js";
import type { Removal, UserTask } from "../../../src/tasks/user-task.js";
import type { Retention } from "../../../src/tasks/retention.js";
import { BOOKMARK_MS } from "../delivery/cursor-reader.js";
import { ManualSteadyClock } from "../deterministic/manual-steady-clock.js";
import { withHandles } from "../journal/observed-journal.js";
import { createFaultyJournal, type FaultyJournal } from "../journal/faulty-journal.js";
import { RecordingLog } from "../server/recording-log.js";
import { EPOCH } from "./edits.js";
import { DATABASE } from "./requests.js";
import { keyText, StoreHistory } from "./store-history.js";
import { retentionOf, START } from "./task-stores.js";

/** Several servers that store the same databases: each has a provider of its own over one journal in memory. */
export interface Nodes extends AsyncDisposable {
  readonly all: readonly Node[];
  readonly clock: ManualSteadyClock;
  readonly limits: Limits;
  /** Every change of `DATABASE`, as it is in the journal. */
  readonly history: StoreHistory;
  /** The node that has the lease of every database. */
  leaseHolder: number;
  /** Waits until every open store of `DATABASE` has the newest change. */
  inSync(): Promise<void>;
}

export interface Node extends AsyncDisposable {
  readonly provider: PerDatabaseTaskStoreProvider;
  readonly hub: Hub;
  readonly log: RecordingLog;
  readonly faults: FaultyJournal;
  store(): Promise<PerDatabaseTaskStore>;
}

export interface NodesOptions {
  /** Default: 3. */
  readonly count?: number;
  readonly limits?: Partial<Limits> | undefined;
  /** Default: a day for all. */
  readonly retention?: Retention;
  /** The service that stores the database, instead of a journal in memory. */
  readonly service?: Journal;
  /** Wraps the journal of a node. */
  readonly journal?: (journal: Journal, node: number) => Journal;
}

export function createNodes({
  count = 3,
  limits: given,
  retention = retentionOf(86_400_000),
  service,
  journal: wrap = (journal) => journal,
}: NodesOptions = {}): Nodes {
  const limits = { ...DEFAULT_LIMITS, ...given };
  const clock = new ManualSteadyClock(START);
  const history = new StoreHistory();
  const shared = recordEntries(service ?? createMemoryJournal(limits), history, limits);
  const options = { clock, limits, retention, idleMs: 3_600_000, lostAfterLeases: 3 };
  const createNode = (number: number): Node => {
    const log = new RecordingLog();
    const faults = createFaultyJournal(connectionTo(shared, () => nodes.leaseHolder === number));
    const provider = new PerDatabaseTaskStoreProvider(wrap(faults, number), { ...options, log });
    return {
      provider,
      hub: new Hub(provider, { clock, bookmarkMs: BOOKMARK_MS }),
      log,
      faults,
      store: async () => (await provider.getTaskStore(DATABASE)) as PerDatabaseTaskStore,
      [Symbol.asyncDispose]: () => provider.close(),
    };
  };
  const nodes: Nodes = {
    all: [],
    clock,
    limits,
    history,
    leaseHolder: 0,
    async inSync() {
      const handle = await shared.open(DATABASE);
      const head = await handle.head();
      await handle.close();
      const stores = nodes.all.flatMap(({ provider }) => provider.openStores());
      await Promise.all(stores.map((store) => store.catchUp(head)));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.all.map((node) => node[Symbol.asyncDispose]()));
      await shared.close();
    },
  };
  return Object.assign(nodes, { all: Array.from({ length: count }, (_, number) => createNode(number)) });
}

/** Records what is appended to `DATABASE`, before any server can read it. */
function recordEntries(journal: Journal, history: StoreHistory, limits: Limits): Journal {
  const states = new Map<string, UserTask | Removal>();
  const record = (entry: JournalEntry, revision: number): void => {
    const before = states.get(keyText(entry));
    const stamp = Stamp.of(EPOCH, revision);
    const { state } = decodeChange(DATABASE, before, 0, entry, stamp, limits);
    states.set(keyText(entry), state);
    if (state.kind === "userTask") history.onTaskAdded(state);
    else history.onTaskRemoved(before as UserTask, state); // safe: only a job is removed
  };
  return withHandles(journal, (handle) => ({
    async append(entries, madeFrom) {
      const result = await handle.append(entries, madeFrom);
      if (result.kind === "appended")
        for (const [index, entry] of entries.entries()) record(entry, result.firstRevision + index);
      return result;
    },
  }));
}

/** A server's connection to the service that stores the databases. Closing it does not close the service. */
function connectionTo(journal: Journal, holdsLease: () => boolean): Journal {
  return {
    ...withHandles(journal, () => ({ holdsLease })),
    supports: { durability: false, otherWriters: true },
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}
