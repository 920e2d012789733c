import { Hub } from "../../../src/hub/hub.js";
import type { Journal } from "../../../src/journal/journal.js";
import { createMemoryJournal } from "../../../src/journal/memory/memory-journal.js";
import { DEFAULT_LIMITS, type Limits } from "../../../src/protocol/limits.js";
import { PerDatabaseTaskStoreProvider } from "../../../src/store/per-database-task-store-provider.js";
import type { PerDatabaseTaskStore } from "../../../src/store/per-database-task-store.js";
import type { Retention } from "../../../src/tasks/retention.js";
import { BOOKMARK_MS } from "../delivery/cursor-reader.js";
import { ManualSteadyClock } from "../deterministic/manual-steady-clock.js";
import { withHandles } from "../journal/observed-journal.js";
import { createFaultyJournal, type FaultyJournal } from "../journal/faulty-journal.js";
import { RecordingLog } from "../server/recording-log.js";
import { DATABASE } from "./requests.js";
import { retentionOf, START } from "./task-stores.js";

/** Several servers that store the same databases: each has a provider of its own over one journal in memory. */
export interface Nodes extends AsyncDisposable {
  readonly all: readonly Node[];
  readonly clock: ManualSteadyClock;
  readonly limits: Limits;
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
  /** Wraps the journal of a node. */
  readonly journal?: (journal: Journal, node: number) => Journal;
}

export function createNodes({
  count = 3,
  limits: given,
  retention = retentionOf(86_400_000),
  journal: wrap = (journal) => journal,
}: NodesOptions = {}): Nodes {
  const limits = { ...DEFAULT_LIMITS, ...given };
  const clock = new ManualSteadyClock(START);
  const shared = createMemoryJournal(limits);
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

/** A server's connection to the service that stores the databases. Closing it does not close the service. */
function connectionTo(journal: Journal, holdsLease: () => boolean): Journal {
  return {
    ...withHandles(journal, () => ({ holdsLease })),
    supports: { durability: false, otherWriters: true },
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}
