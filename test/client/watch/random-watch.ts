/**
 * Runs a watch while jobs change at random and the network cuts, delays and half-opens connections. Records the exact
 * states of the watch and the events of a slow iteration, and checks them at the end. A seed determines a run, except
 * for its timing.
 */
import fc from "fast-check";
import type { Watch, WatchEvent, WatchedJob, WatchedTask } from "../../../src/client/index.js";
import { parsePosition } from "../../../src/protocol/position.js";
import type { JobKey } from "../../../src/tasks/names.js";
import { commandGroups, applyCommand, KEYS, type CommandGroup } from "../../kit/store/job-commands.js";
import { DATABASE } from "../../kit/store/requests.js";
import { seededRandom } from "../../kit/deterministic/seeded-random.js";
import { SeverableProxy } from "../../kit/network/severable-proxy.js";
import { randomTurns, until as untilTurn } from "../../kit/deterministic/turns.js";
import type { HeldJobs } from "../../kit/wire/client.js";
import type { WireTask } from "../../kit/wire/event.js";
import type { WireHistory } from "../../kit/wire/history.js";
import { RecordedServer } from "../../kit/wire/recorded-server.js";
import { SDK_TRANSPORTS, waitUntil, watchWithoutDelays } from "./test-watches.js";

/** Returns a description of each violation. */
export async function runRandomWatch(seed: number): Promise<string[]> {
  const { filter, transport, minIntervalMs, removalsKeptMax, groups } = planOf(seed);
  const random = seededRandom(seed);
  await using world = await RecordedServer.open({ removalsKeptMax: String(removalsKeptMax) });
  await using network = await SeverableProxy.open(world.url);
  await using watch = watchWithoutDelays({
    url: network.url,
    database: DATABASE,
    transport,
    minIntervalMs,
    ...filter,
  });
  const observer = new Observer(watch);
  const reader = new Reader(watch, random);
  for (const { commands } of groups) {
    await Promise.all(commands.map((command) => applyCommand(world.store, command)));
    await disturb(network, random);
  }
  network.release();
  const last = textOf(world.history.at(world.history.revision, filter));
  await waitUntil(watch, () => observer.held === last);
  await untilTurn(() => reader.held === last);
  return [...observer.violations(world.history, filter), ...reader.violations(world.history, filter)];
}

async function disturb(network: SeverableProxy, random: () => number): Promise<void> {
  const choice = random();
  if (choice < 0.2) network.sever();
  else if (choice < 0.4) network.hold();
  else if (choice < 0.6) network.release();
  await randomTurns(random);
}

type Filter = Partial<JobKey>;

interface RunPlan {
  readonly filter: Filter;
  readonly transport: (typeof SDK_TRANSPORTS)[number];
  readonly minIntervalMs: number;
  readonly removalsKeptMax: number;
  readonly groups: readonly CommandGroup[];
}

const filters: readonly Filter[] = [{}, {}, { username: KEYS[0]!.username }, { ...KEYS[0]! }];

const plan: fc.Arbitrary<RunPlan> = fc.record({
  filter: fc.constantFrom(...filters),
  transport: fc.constantFrom(...SDK_TRANSPORTS),
  minIntervalMs: fc.constantFrom(0, 0, 5),
  removalsKeptMax: fc.constantFrom(1, 2, 1_000),
  groups: commandGroups(60),
});

function planOf(seed: number): RunPlan {
  return fc.sample(fc.noBias(plan), { numRuns: 1, seed })[0]!;
}

/** Records what the watch holds whenever it is exact. */
class Observer {
  readonly #watch: Watch;
  readonly #exactStates: { readonly revision: number; readonly held: string }[] = [];

  constructor(watch: Watch) {
    this.#watch = watch;
    watch.onChange(() => this.#look());
  }

  get held(): string {
    return textOfJobs(this.#watch.jobs.values());
  }

  /** Law 6: positions increase, except at a Reset. Law 7: an exact state equals the store's. */
  violations(history: WireHistory, filter: Filter): string[] {
    return this.#exactStates.flatMap(({ revision, held }, index) => {
      const before = this.#exactStates[index - 1]?.revision ?? 0;
      const isExact = held === textOf(history.at(revision, filter));
      return [
        ...(revision < before ? [`it went from revision ${before} back to ${revision}`] : []),
        ...(isExact ? [] : [`at revision ${revision} it held ${held}`]),
      ];
    });
  }

  #look(): void {
    const { revision, catchUp } = parsePosition(this.#watch.position ?? "AAAAAAAAAAAA.0");
    if (!catchUp) this.#exactStates.push({ revision, held: this.held });
  }
}

/** Iterates at a random speed, and holds only what the events contain. */
class Reader {
  readonly #jobs = new Map<string, WatchedJob>();
  readonly #atCaughtUp: string[] = [];

  constructor(watch: Watch, random: () => number) {
    void this.#read(watch, random);
  }

  get held(): string {
    return textOfJobs(this.#jobs.values());
  }

  /** At each CaughtUp, it holds the store's state at some revision, and these revisions increase. */
  violations(history: WireHistory, filter: Filter): string[] {
    let revision = 0;
    return this.#atCaughtUp.flatMap((held) => {
      while (revision <= history.revision && textOf(history.at(revision, filter)) !== held) revision++;
      return revision <= history.revision ? [] : [`at CaughtUp, the iteration held ${held}`];
    });
  }

  async #read(watch: Watch, random: () => number): Promise<void> {
    for await (const event of watch) {
      this.#receive(event);
      await randomTurns(random);
    }
  }

  #receive(event: WatchEvent): void {
    switch (event.kind) {
      case "Reset":
        return this.#jobs.clear();
      case "TaskStored":
        return void this.#jobs.set(event.job.id, event.job);
      case "TaskUpdated":
        return void this.#jobs.set(event.job.id, this.#updated(event));
      case "TaskRemoved":
        return void this.#jobs.delete(event.job.id);
      case "CaughtUp":
        this.#atCaughtUp.push(this.held);
    }
  }

  /** Redraws only the changed tasks, as a user interface would. */
  #updated({ job, changed }: Extract<WatchEvent, { kind: "TaskUpdated" }>): WatchedJob {
    const news = new Map(changed.map((task) => [task.path, task]));
    const before = new Map(flat(this.#jobs.get(job.id)!.task).map((task) => [task.path, task]));
    return { ...job, task: redrawn(job.task, before, news) };
  }
}

function redrawn(task: WatchedTask, before: Drawn, news: Drawn): WatchedTask {
  const subTasks = task.subTasks.map((subTask) => redrawn(subTask, before, news));
  return { ...(news.get(task.path) ?? before.get(task.path)!), subTasks };
}

type Drawn = ReadonlyMap<string, WatchedTask>;

function flat(task: WatchedTask): WatchedTask[] {
  return [task, ...task.subTasks.flatMap(flat)];
}

/** Jobs as text, sorted, with the fields that the history records. */
function textOfJobs(jobs: Iterable<WatchedJob>): string {
  return textOfAll([...jobs].map((job) => [job, flat(job.task)] as const));
}

function textOf(jobs: HeldJobs): string {
  return textOfAll([...jobs.values()].map(({ own, tasks }) => [own, [...tasks.values()]] as const));
}

type OwnFields = Pick<WatchedJob, "username" | "jobId" | "attempt" | "version"> & {
  readonly health: string;
  readonly cancelRequest: { readonly reason: string | null } | null;
};

function textOfAll(jobs: readonly (readonly [OwnFields, readonly Comparable[]])[]): string {
  const texts = jobs.map(([own, tasks]) => {
    const { username, jobId, attempt, version, health, cancelRequest } = own;
    const fields = [username, jobId, attempt, version, health, cancelRequest && [cancelRequest.reason]];
    return JSON.stringify([fields, tasks.map(comparable)]);
  });
  return texts.toSorted().join("\n");
}

type Comparable = Omit<WireTask, "kind" | "status"> & { readonly kind: string; readonly status: string };

function comparable(task: Comparable): readonly unknown[] {
  const { path, kind, description, status, message, startedAt, endedAt, currentIteration } = task;
  const { done, volume, knownVolume } = task.progress;
  return [
    path,
    kind,
    description,
    status,
    message,
    startedAt,
    endedAt,
    currentIteration,
    done,
    volume,
    knownVolume,
  ];
}
