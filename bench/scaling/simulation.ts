import type { Constants } from "../nodes/constants.js";

/**
 * A simulation of nodes that share an engine, by events. A node and each core of the engine do one thing at a time, for as long
 * as it was measured to take. Whatever waits, waits in a queue.
 */
export interface Setup {
  readonly nodes: number;
  readonly databases: number;
  readonly engineCores: number;
  /** Of all databases together. */
  readonly changesPerSecond: number;
  /** Reports come at even distances, as in the measurements, or at random. */
  readonly arrivals: "even" | "random";
  /** Of a database: the nodes with watchers, which follow it, beside the one that it is reported to. */
  readonly followers: number;
  /** Whether all changes of a database go to the same watchers, which receive several in one write. */
  readonly sharesWrites: boolean;
  /** Watchers that receive a change, on the node of the reports and on each follower. */
  readonly deliveriesAtHome: number;
  readonly deliveriesAtFollower: number;
  /** How long the engine waits for a disk and a standby. */
  readonly commitMs: number;
  /** How long a poll is under way, beside the work of the engine. */
  readonly pollMs: number;
  readonly seconds: number;
}

export interface Outcome {
  /** Of a core. */
  readonly nodeShares: readonly number[];
  /** Cores. */
  readonly engineCores: number;
  readonly appendsPerSecond: number;
  readonly walBytesPerSecond: number;
  /** From the report until an event is sent to watchers on another node, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

const BATCH_MAX = 1_000;
const BUSY_MS = 10;
const IDLE_MS = 100;
const BACK_OFF = 1.25;

export function simulate(setup: Setup, constants: Constants): Outcome {
  return new Simulation(setup, constants).run();
}

class Simulation {
  readonly #setup: Setup;
  readonly #costs: Constants;
  readonly #events = new Events();
  readonly #nodes: readonly Node[];
  readonly #engine: readonly Worker[];
  readonly #databases: readonly Database[];
  readonly #latencies: number[] = [];
  #appends = 0;
  #changes = 0;

  constructor(setup: Setup, costs: Constants) {
    this.#setup = setup;
    this.#costs = costs;
    this.#engine = Array.from({ length: setup.engineCores }, () => new Worker());
    this.#nodes = Array.from({ length: setup.nodes }, () => ({
      worker: new Worker(),
      followed: [],
      databases: 0,
      waitMs: BUSY_MS,
    }));
    this.#databases = Array.from({ length: setup.databases }, (_, at) => this.#openDatabase(at));
  }

  run(): Outcome {
    const { changesPerSecond, seconds, arrivals, databases } = this.#setup;
    for (const node of this.#nodes) this.#schedulePoll(node);
    const everyMs = 1_000 / changesPerSecond;
    const arrive = (count: number): void => {
      this.#report(this.#databases[count % databases]!);
      const next = arrivals === "even" ? everyMs : -Math.log(1 - Math.random()) * everyMs;
      this.#events.after(next, () => arrive(count + 1));
    };
    this.#events.after(0, () => arrive(0));
    this.#events.runUntil(seconds * 1_000);
    return this.#outcome();
  }

  #openDatabase(at: number): Database {
    const { nodes, followers } = this.#setup;
    const home = this.#nodes[at % nodes]!;
    const database: Database = { home, queue: [], isCommitting: false, log: [] };
    home.databases++;
    for (let other = 1; other <= followers; other++) {
      const node = this.#nodes[(at + other) % nodes]!;
      node.followed.push({ database, revision: 0 });
      node.databases++;
    }
    return database;
  }

  /** A worker's request. The store takes all that are waiting into one append. */
  #report(database: Database): void {
    const at = this.#events.now;
    this.#changes++;
    this.#work(database.home, this.#costs.node.request, () => {
      database.queue.push(at);
      if (!database.isCommitting) this.#commit(database);
    });
  }

  #commit(database: Database): void {
    const changes = database.queue.splice(0, BATCH_MAX);
    database.isCommitting = changes.length > 0;
    if (changes.length === 0) return;
    const { node, engine } = this.#costs;
    this.#appends++;
    this.#work(database.home, node.append + node.change * changes.length, () =>
      this.#ask(engine.append + engine.change * changes.length, () =>
        this.#events.after(this.#setup.commitMs, () => this.#committed(database, changes)),
      ),
    );
  }

  #committed(database: Database, changes: readonly number[]): void {
    database.log.push(...changes);
    this.#work(database.home, this.#deliveryMicros(this.#setup.deliveriesAtHome, changes.length), () => {});
    this.#commit(database);
  }

  #deliveryMicros(watchers: number, changes: number): number {
    const { write, event } = this.#costs.node;
    const writes = this.#setup.sharesWrites ? 1 : changes;
    return watchers * (write * writes + event * changes);
  }

  /** One statement for all databases, then one look at each that has changed. */
  #schedulePoll(node: Node): void {
    const pollOf = (costs: Constants["node"] | Constants["engine"]): number =>
      costs.poll + costs.polledDatabase * (node.databases - 1);
    this.#events.after(node.waitMs + this.#setup.pollMs, () =>
      this.#ask(pollOf(this.#costs.engine), () =>
        this.#work(node, pollOf(this.#costs.node), () => {
          const changed = node.followed.filter(({ database, revision }) => database.log.length > revision);
          for (const followed of changed) this.#look(node, followed);
          node.waitMs = changed.length > 0 ? BUSY_MS : Math.min(IDLE_MS, node.waitMs * BACK_OFF);
          this.#schedulePoll(node);
        }),
      ),
    );
  }

  #look(node: Node, followed: Followed): void {
    const changes = followed.database.log.slice(followed.revision);
    followed.revision += changes.length;
    const { engine, node: costs } = this.#costs;
    this.#ask(engine.look + engine.read * changes.length, () => {
      const { deliveriesAtFollower } = this.#setup;
      this.#work(node, costs.look + costs.follow * changes.length, () => {
        // The event of a change is sent to its watchers in turn: half of them wait for the others.
        const delivery = this.#deliveryMicros(deliveriesAtFollower, changes.length) / 2;
        this.#work(node, delivery, () => {
          for (const at of changes) this.#latencies.push(this.#events.now - at);
        });
        this.#work(node, delivery, () => {});
      });
    });
  }

  #work({ worker }: Node, micros: number, done: () => void): void {
    this.#events.after(worker.take(this.#events.now, micros / 1_000) - this.#events.now, done);
  }

  #ask(micros: number, done: () => void): void {
    const core = this.#engine.reduce((first, other) => (other.freeAt < first.freeAt ? other : first));
    this.#events.after(core.take(this.#events.now, micros / 1_000) - this.#events.now, done);
  }

  #outcome(): Outcome {
    const { seconds } = this.#setup;
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    const { append, change } = this.#costs.engine.walBytes;
    return {
      nodeShares: this.#nodes.map(
        ({ worker }) => (worker.busyMs / seconds + this.#costs.node.idle / 1_000) / 1_000,
      ),
      engineCores: this.#engine.reduce((sum, { busyMs }) => sum + busyMs, 0) / (seconds * 1_000),
      appendsPerSecond: this.#appends / seconds,
      walBytesPerSecond: (append * this.#appends + change * this.#changes) / seconds,
      p50: sorted[Math.floor(sorted.length / 2)] ?? NaN,
      p99: sorted[Math.floor(sorted.length * 0.99)] ?? NaN,
    };
  }
}

interface Node {
  readonly worker: Worker;
  readonly followed: Followed[];
  /** Of its own and followed. */
  databases: number;
  waitMs: number;
}

interface Followed {
  readonly database: Database;
  revision: number;
}

interface Database {
  readonly home: Node;
  /** When each change that waits was reported, and each that is in the log. */
  readonly queue: number[];
  readonly log: number[];
  isCommitting: boolean;
}

/** A core. */
class Worker {
  freeAt = 0;
  busyMs = 0;

  /** Returns when the work is done. */
  take(now: number, ms: number): number {
    this.freeAt = Math.max(now, this.freeAt) + ms;
    this.busyMs += ms;
    return this.freeAt;
  }
}

/** A heap of what happens next. */
class Events {
  now = 0;
  readonly #heap: { readonly at: number; readonly order: number; readonly happen: () => void }[] = [];
  #count = 0;

  after(ms: number, happen: () => void): void {
    this.#heap.push({ at: this.now + ms, order: this.#count++, happen });
    this.#rise(this.#heap.length - 1);
  }

  runUntil(end: number): void {
    while (this.#heap.length > 0 && this.#heap[0]!.at <= end) {
      const { at, happen } = this.#heap[0]!;
      const last = this.#heap.pop()!;
      if (this.#heap.length > 0) {
        this.#heap[0] = last;
        this.#sink(0);
      }
      this.now = at;
      happen();
    }
  }

  #isBefore(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one]!, this.#heap[other]!];
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #rise(place: number): void {
    const parent = (place - 1) >> 1;
    if (place === 0 || !this.#isBefore(place, parent)) return;
    this.#swap(place, parent);
    this.#rise(parent);
  }

  #sink(place: number): void {
    const children = [2 * place + 1, 2 * place + 2].filter((child) => child < this.#heap.length);
    if (children.length === 0) return;
    const first =
      children.length === 2 && this.#isBefore(children[1]!, children[0]!) ? children[1]! : children[0]!;
    if (!this.#isBefore(first, place)) return;
    this.#swap(place, first);
    this.#sink(first);
  }

  #swap(one: number, other: number): void {
    [this.#heap[one], this.#heap[other]] = [this.#heap[other]!, this.#heap[one]!];
  }
}
