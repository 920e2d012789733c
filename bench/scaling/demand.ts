import type { Constants } from "../nodes/constants.js";
import type { Setup } from "./simulation.js";

export interface Demand {
  readonly watchers: number;
  readonly changesPerSecond: number;
  readonly databases: number;
  readonly jobs: number;
  /** Events that a watcher receives in a second. */
  readonly eventsPerWatcher: number;
  /** Nodes that serve each database: a worker reports to one of them, the others follow. */
  readonly nodesPerDatabase: number;
}

/** What a demand takes, with everything half used. */
export interface Need {
  readonly nodes: number;
  /** CPU of all nodes, in cores. */
  readonly nodeCores: number;
  readonly engineCores: number;
  readonly primaries: number;
  readonly appendsPerSecond: number;
  readonly changesPerAppend: number;
  readonly walBytesPerSecond: number;
  /** Entries are kept for ten minutes. */
  readonly entryBytes: number;
  /** Of each node: its jobs and watchers. */
  readonly heapBytes: number;
  readonly connections: number;
  /** One primary with its nodes, to be simulated. */
  readonly setup: Setup;
}

/** How long the engine waits for a disk and a standby. */
const COMMIT_MS = 2;
/** How long a poll is under way. */
const POLL_MS = 0.5;
const UTILIZATION = 0.5;
const ENGINE_CORES = 8;
const JOB_BYTES = 5_000;
const WATCHER_BYTES = 12_500;
const CONNECTIONS_PER_NODE = 10;
/** In the table and its two indexes, beside the entry. */
const ROW_BYTES = 300;
const ENTRY_BYTES = 450;
const ENTRIES_KEPT_SECONDS = 600;
const BUSY_POLLS = 90;

export function needOf(demand: Demand, { node, engine }: Constants): Need {
  const { changesPerSecond: changes, databases, nodesPerDatabase } = demand;
  const followers = nodesPerDatabase - 1;
  const appends = appendsPerSecond(demand, engine);
  const deliveries = demand.watchers * demand.eventsPerWatcher;
  const delivering =
    demand.watchers * (node.write * writesPerWatcher(demand) + node.event * demand.eventsPerWatcher);
  const changing =
    changes * (node.request + node.change + followers * node.follow) + appends * node.append + delivering;
  // Polls and looks depend on the number of nodes and of their databases, which depends on them.
  let nodes = nodesPerDatabase;
  let polling = { node: 0, engine: 0 };
  for (let round = 0; round < 20; round++) {
    polling = pollingOf(demand, nodes, { node, engine });
    nodes = Math.max(nodesPerDatabase, Math.ceil((changing + polling.node) / (UTILIZATION * 1e6)));
  }
  const engineMicros =
    changes * (engine.change + followers * engine.read) + appends * engine.append + polling.engine;
  const primaries = Math.ceil(engineMicros / (UTILIZATION * ENGINE_CORES * 1e6));
  return {
    nodes,
    nodeCores: (changing + polling.node) / 1e6,
    engineCores: engineMicros / 1e6,
    primaries,
    appendsPerSecond: appends,
    changesPerAppend: changes / appends,
    walBytesPerSecond: engine.walBytes.append * appends + engine.walBytes.change * changes,
    entryBytes: changes * ENTRIES_KEPT_SECONDS * (ENTRY_BYTES + ROW_BYTES),
    heapBytes: (demand.jobs * nodesPerDatabase * JOB_BYTES + demand.watchers * WATCHER_BYTES) / nodes,
    connections: nodes * CONNECTIONS_PER_NODE,
    setup: {
      nodes: Math.max(nodesPerDatabase, Math.round(nodes / primaries)),
      databases: Math.round(databases / primaries),
      engineCores: ENGINE_CORES,
      changesPerSecond: changes / primaries,
      arrivals: "random",
      followers,
      sharesWrites: demand.eventsPerWatcher > BUSY_POLLS,
      deliveriesAtHome: deliveries / changes / nodesPerDatabase,
      deliveriesAtFollower: deliveries / changes / nodesPerDatabase,
      commitMs: COMMIT_MS,
      pollMs: POLL_MS,
      seconds: 5,
    },
  };
}

/** A database makes one append at a time: while it is being written, the next changes gather. */
function appendsPerSecond({ changesPerSecond, databases }: Demand, engine: Constants["engine"]): number {
  const perDatabase = changesPerSecond / databases;
  const writtenInTime = 1_000 / (COMMIT_MS + engine.append / 1_000);
  return databases * Math.min(perDatabase, writtenInTime);
}

/** What a node finds with one poll goes to a watcher in one write. */
function writesPerWatcher({ eventsPerWatcher }: Demand): number {
  return BUSY_POLLS * (1 - Math.exp(-eventsPerWatcher / BUSY_POLLS));
}

function pollingOf(
  { databases, changesPerSecond, nodesPerDatabase }: Demand,
  nodes: number,
  { node, engine }: Pick<Constants, "node" | "engine">,
): { node: number; engine: number } {
  const polls = nodes * BUSY_POLLS;
  const served = (databases * nodesPerDatabase) / nodes;
  const looks =
    databases *
    (nodesPerDatabase - 1) *
    BUSY_POLLS *
    (1 - Math.exp(-changesPerSecond / databases / BUSY_POLLS));
  const of = (costs: typeof node | typeof engine): number =>
    polls * (costs.poll + costs.polledDatabase * served) + looks * costs.look;
  return { node: of(node) + nodes * node.idle, engine: of(engine) };
}
