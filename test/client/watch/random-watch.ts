/**
 * Random lives of those who watch with the client, while others write and the network cuts, delays and half-opens.
 * What each watch held wherever it was exact, and what one who iterates slowly was told, is written down, and looked at
 * when all is over. One number stands for one life; only when things happen is not in it.
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

/** Sentences of what was not as it should be. */
export async function runRandomWatch(seed: number): Promise<string[]> {
  const { filter, transport, minIntervalMs, removalsKeptMax, groups } = lifeOf(seed);
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
    await trouble(network, random);
  }
  network.release();
  const last = textOf(world.history.at(world.history.revision, filter));
  await waitUntil(watch, () => observer.held === last);
  await untilTurn(() => reader.held === last);
  return [...observer.complaints(world.history, filter), ...reader.complaints(world.history, filter)];
}

async function trouble(network: SeverableProxy, random: () => number): Promise<void> {
  const which = random();
  if (which < 0.2) network.sever();
  else if (which < 0.4) network.hold();
  else if (which < 0.6) network.release();
  await randomTurns(random);
}

type Filter = Partial<JobKey>;

interface Life {
  readonly filter: Filter;
  readonly transport: (typeof SDK_TRANSPORTS)[number];
  readonly minIntervalMs: number;
  readonly removalsKeptMax: number;
  readonly groups: readonly CommandGroup[];
}

const filters: readonly Filter[] = [{}, {}, { username: KEYS[0]!.username }, { ...KEYS[0]! }];

const life: fc.Arbitrary<Life> = fc.record({
  filter: fc.constantFrom(...filters),
  transport: fc.constantFrom(...SDK_TRANSPORTS),
  minIntervalMs: fc.constantFrom(0, 0, 5),
  removalsKeptMax: fc.constantFrom(1, 2, 1_000),
  groups: commandGroups(60),
});

function lifeOf(seed: number): Life {
  return fc.sample(fc.noBias(life), { numRuns: 1, seed })[0]!;
}

/** Writes down what the watch holds wherever all of it is exact. */
class Observer {
  readonly #watch: Watch;
  readonly #moments: { readonly revision: number; readonly held: string }[] = [];

  constructor(watch: Watch) {
    this.#watch = watch;
    watch.onChange(() => this.#look());
  }

  get held(): string {
    return textOfJobs(this.#watch.jobs.values());
  }

  /** Law 6: positions go up, a Reset apart. Law 7: where it is exact, it is what the store had. */
  complaints(history: WireHistory, filter: Filter): string[] {
    return this.#moments.flatMap(({ revision, held }, place) => {
      const before = this.#moments[place - 1]?.revision ?? 0;
      const isAsItWas = held === textOf(history.at(revision, filter));
      return [
        ...(revision < before ? [`it went from revision ${before} back to ${revision}`] : []),
        ...(isAsItWas ? [] : [`at revision ${revision} it held ${held}`]),
      ];
    });
  }

  #look(): void {
    const { revision, catchUp } = parsePosition(this.#watch.position ?? "AAAAAAAAAAAA.0");
    if (!catchUp) this.#moments.push({ revision, held: this.held });
  }
}

/** One who iterates, now and then slowly, and holds what the events alone tell. */
class Reader {
  readonly #jobs = new Map<string, WatchedJob>();
  readonly #atCaughtUp: string[] = [];

  constructor(watch: Watch, random: () => number) {
    void this.#read(watch, random);
  }

  get held(): string {
    return textOfJobs(this.#jobs.values());
  }

  /** At each CaughtUp it holds what the store had at some revision, and those go up. */
  complaints(history: WireHistory, filter: Filter): string[] {
    let revision = 0;
    return this.#atCaughtUp.flatMap((held) => {
      while (revision <= history.revision && textOf(history.at(revision, filter)) !== held) revision++;
      return revision <= history.revision ? [] : [`one who iterates held at CaughtUp ${held}`];
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

  /** As one has it who draws what changed, and nothing else. */
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

/** Jobs as text, by name: what a watcher holds of what the history knows. */
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
