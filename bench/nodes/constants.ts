import { median } from "../repeat.js";
import type { Delivered } from "./delivery.js";
import type { Idle } from "./idle.js";
import type { Spread } from "./spread.js";
import type { Throughput } from "./throughput.js";

/** What things cost, measured. Times are microseconds of CPU, unless they say otherwise. */
export interface Constants {
  readonly node: {
    /** `updateTask` over HTTP, without the store. */
    readonly request: number;
    /** One append to the engine, and each change in it. */
    readonly append: number;
    readonly change: number;
    /** One poll, and one look at what is new, with each change in it. */
    readonly poll: number;
    readonly look: number;
    readonly follow: number;
    /** An event to one more watcher. */
    readonly delivery: number;
    readonly residentBytes: number;
  };
  readonly engine: {
    readonly append: number;
    readonly change: number;
    readonly poll: number;
    readonly look: number;
    readonly read: number;
    /** Time, not CPU: an append of one change, until it is durable. */
    readonly commitMicros: number;
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

/** Polls in a second, of a node that is idle and of one that always has news. */
const IDLE_POLLS = 10;
const BUSY_POLLS = 85;

/** Solves the cost of an append, and of each change in it, from small and large appends. */
export function constantsOf(rounds: readonly Measured[]): Constants {
  const middle = (of: (round: Measured) => number): number => median(rounds.map(of));
  const poll = middle(({ idle }) => idle[0]!.nodeMicros) / IDLE_POLLS;
  const enginePoll = middle(({ idle }) => idle[0]!.engineMicros) / IDLE_POLLS;
  const store = line(
    rounds,
    ({ alone, updates, seconds }) => (alone.nodes[0]! - seconds * BUSY_POLLS * poll) / updates,
  );
  const engine = line(
    rounds,
    ({ alone, updates, seconds }) => (alone.cpuMicros - seconds * BUSY_POLLS * enginePoll) / updates,
  );
  const wal = line(rounds, ({ alone, updates }) => alone.walBytes / updates);
  const [slow, fast] = [0, 2].map(
    (way) => (of: (run: Throughput) => number) => middle(({ throughput }) => of(throughput[way]!)),
  );
  const follow = fast!(({ followed }) => followed.nodes[1]! / followed.updates);
  const look = slow!(
    ({ followed }) => (followed.nodes[1]! - follow * followed.updates) / (BUSY_POLLS * followed.seconds),
  );
  const read = fast!(
    ({ followed, alone, updates }) => followed.cpuMicros / followed.updates - alone.cpuMicros / updates,
  );
  const engineLook = slow!(
    ({ followed }) =>
      (followed.cpuMicros - followed.updates * (engine.append + engine.change)) /
      (2 * BUSY_POLLS * followed.seconds),
  );
  const request = middle(({ spread: { one } }) => {
    const perAppend = one.changes / one.appends;
    return one.cost.nodes[0]! / one.changes - store.append / perAppend - store.change;
  });
  const delivery = middle(({ delivered: [one, many] }) => {
    const micros = many!.cost.nodes[1]! - one!.cost.nodes[1]!;
    return micros / (many!.deliveries - one!.deliveries);
  });
  return {
    node: {
      request,
      ...store,
      poll,
      look: Math.max(0, look - poll),
      follow,
      delivery,
      residentBytes: middle(({ idle }) => idle[0]!.residentBytes),
    },
    engine: {
      ...engine,
      poll: enginePoll,
      look: Math.max(0, engineLook - enginePoll),
      read: Math.max(0, read),
      commitMicros: slow!(({ bareSeconds, appends }) => (1e6 * bareSeconds) / appends),
      walBytes: wal,
    },
  };
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
