import { SCENARIOS, type Delivered, type Scenario } from "./delivery.js";
import type { EngineCost } from "./engine.js";
import { median } from "../repeat.js";
import type { Idle } from "./idle.js";
import type { Spread, Turn } from "./spread.js";
import type { Throughput } from "./throughput.js";

/** What things cost, measured. Times are microseconds of CPU, unless they say otherwise. */
export interface Constants {
  readonly node: {
    /** In a second, whatever happens. */
    readonly idle: number;
    /** `updateTask` over HTTP, without the store. */
    readonly request: number;
    /** One append to the engine, and each change in it. */
    readonly append: number;
    readonly change: number;
    /** One poll, each database in it, and one look at what is new, with each change in it. */
    readonly poll: number;
    readonly polledDatabase: number;
    readonly look: number;
    readonly follow: number;
    /** A write to a watcher, and each event in it: as `fan-out` measures them with one event and with ten events a turn. */
    readonly write: number;
    readonly event: number;
    readonly residentBytes: number;
  };
  readonly engine: {
    readonly append: number;
    readonly change: number;
    readonly poll: number;
    readonly polledDatabase: number;
    readonly look: number;
    readonly read: number;
    readonly walBytes: { readonly append: number; readonly change: number };
  };
}

/** The figures of one round that the constants come from. */
export interface Measured {
  readonly throughput: readonly Throughput[];
  readonly spread: { readonly one: Spread };
  readonly delivered: readonly Delivered[];
  readonly idle: readonly Idle[];
}

/** Small and large appends give two equations for the cost of an append and of each change in it, and so on. */
export function constantsOf(rounds: readonly Measured[]): Constants {
  const middle = (of: (round: Measured) => number): number => median(rounds.map(of));
  const fast = (of: (run: Throughput) => number): number =>
    middle(({ throughput }) => of(throughput.at(-1)!));
  const alwaysMicros = middle(({ idle: [one] }) => one!.memoryMicros);
  const poll = middle(({ idle: [one] }) => (one!.nodeMicros - one!.memoryMicros) / one!.pollsPerSecond);
  // The least: in some rounds, the engine still had other work, such as vacuum.
  const enginePoll = Math.min(...rounds.map(({ idle: [one] }) => one!.engineMicros / one!.pollsPerSecond));
  const store = line(rounds, ({ alone, updates }) => (alone.nodes[0]! - alone.polls[0]! * poll) / updates);
  const engine = line(
    rounds,
    ({ alone, updates }) => (alone.cpuMicros - alone.polls[0]! * enginePoll) / updates,
  );
  const follow = fast(({ followed: { nodes, polls, updates } }) => (nodes[1]! - polls[1]! * poll) / updates);
  const read = fast(
    ({ followed, alone, updates }) => followed.cpuMicros / followed.updates - alone.cpuMicros / updates,
  );
  const request = middle(({ spread: { one } }) => {
    const [{ cost, changes }] = one as [Turn];
    return (cost.nodes[0]! - cost.appends * store.append - cost.polls[0]! * poll) / changes - store.change;
  });
  // What is left of the costs of the busiest scenarios is that of polls and looks.
  const nodeRest: Rest = ({ cost, changes, deliveries }, { nodes, watchers }) => {
    const made = changes * (request + store.change) + cost.appends * store.append;
    const writes = watchers.each * cost.appends;
    const known =
      (made + deliveries * FAN_OUT.event) / nodes +
      writes * FAN_OUT.write +
      (changes * follow * (nodes - 1)) / nodes +
      cost.seconds * alwaysMicros;
    return sum(cost.nodes) / nodes - known;
  };
  const engineRest: Rest = ({ cost, changes }, { nodes }) => {
    const known = cost.appends * engine.append + changes * (engine.change + (nodes - 1) * read);
    return (cost.cpuMicros - known) / nodes;
  };
  const looking = (rest: Rest): { poll: number; look: number } => {
    const [few, many] = FITTED.map((at) => {
      const scenario = SCENARIOS[at]!;
      const of = (figure: (run: Delivered) => number): number =>
        middle(({ delivered }) => figure(delivered[at]!));
      return {
        looks: of((run) => looksPerPoll(run, scenario)),
        cost: of((run) => rest(run, scenario) / (sum(run.cost.polls) / scenario.nodes)),
      };
    });
    const look = Math.max(0, (many!.cost - few!.cost) / (many!.looks - few!.looks));
    return { look, poll: few!.cost - look * few!.looks };
  };
  const walPerChange = fast(({ alone, updates }) => walBytesOf(alone) / updates);
  return {
    node: {
      idle: alwaysMicros,
      ...store,
      poll: looking(nodeRest).poll,
      polledDatabase: middle(({ idle }) => perDatabase(idle, ({ nodeMicros }) => nodeMicros)),
      look: looking(nodeRest).look,
      follow,
      request,
      ...FAN_OUT,
      residentBytes: middle(({ idle: [one] }) => one!.residentBytes),
    },
    engine: {
      ...engine,
      poll: looking(engineRest).poll,
      polledDatabase: middle(({ idle }) => perDatabase(idle, ({ engineMicros }) => engineMicros)),
      look: looking(engineRest).look,
      read,
      walBytes: {
        append: middle(({ delivered: [one] }) =>
          Math.max(0, (walBytesOf(one!.cost) - one!.changes * walPerChange) / one!.cost.appends),
        ),
        change: walPerChange,
      },
    },
  };
}

/** The CPU of a node, or that of the engine for a node, that is not explained yet. */
type Rest = (run: Delivered, scenario: Scenario) => number;

/** The scenarios with three nodes: few and many databases. The others check the model. */
const FITTED = [2, 3];

/** A node looks at the databases of others that have changed since the last poll. */
function looksPerPoll({ cost }: Delivered, { nodes, databases }: Scenario): number {
  const polls = sum(cost.polls) / nodes;
  return databases * (1 - 1 / nodes) * (1 - Math.exp(-cost.appends / databases / polls));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** 7.4 µs with one event a turn, 1.4 with ten, to 1,000 watchers. */
const FAN_OUT = { write: 6.7, event: 0.7 };

/** Without the pages that are written in full after a checkpoint: they depend on how often there is one. */
export function walBytesOf({ walBytes, fullPages }: EngineCost): number {
  return walBytes - fullPages * PAGE_BYTES;
}

const PAGE_BYTES = 8_192;

/** What one more open database adds to a poll. */
function perDatabase([one, many]: readonly Idle[], of: (idle: Idle) => number): number {
  const perPoll = of(many!) / many!.pollsPerSecond - of(one!) / one!.pollsPerSecond;
  return Math.max(0, perPoll / (many!.databases - one!.databases));
}

/** The cost for each change is `append / size + change`, by the average size of the appends. */
function line(
  rounds: readonly Measured[],
  of: (run: Throughput) => number,
): { append: number; change: number } {
  const points = rounds.map(({ throughput }) => {
    const [small, large] = [throughput[0]!, throughput.at(-1)!];
    const [one, many] = [small, large].map((run) => ({ share: run.appends / run.updates, cost: of(run) }));
    const append = (one!.cost - many!.cost) / (one!.share - many!.share);
    return { append, change: many!.cost - append * many!.share };
  });
  return {
    append: median(points.map(({ append }) => append)),
    change: median(points.map(({ change }) => change)),
  };
}
