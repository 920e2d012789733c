import { newestRevisionIn, formatPosition, parsePosition } from "../../../src/protocol/position.js";
import { TidemarkError } from "../../../src/protocol/tidemark-error.js";
import type { Hub } from "../../../src/hub/hub.js";
import type { PullStream } from "../../../src/hub/pull-stream.js";
import type { TaskEvent } from "../../../src/hub/task-event.js";
import type { JobFilter } from "../../../src/store/task-store.js";
import { randomTurns } from "../deterministic/turns.js";
import { DATABASE } from "../store/requests.js";
import { expectedJobs, expectLawful, type ObservedStore } from "./laws.js";
import { ModelWatcher } from "./model-watcher.js";

/** A server, as a watcher sees it. */
export interface WatchedNode extends Omit<ObservedStore, "filter"> {
  readonly hub: Hub;
}

/**
 * A watcher of a database that several servers serve. It reads from one of them, loses its connection after about twenty
 * events, and resumes on any of them, from its newest position or from an earlier one.
 */
export class MovingWatcher {
  readonly #nodes: readonly WatchedNode[];
  readonly #filter: JobFilter;
  readonly #minIntervalMs: number;
  readonly #random: () => number;
  /** What it held after each of the newest events. */
  #past: readonly ModelWatcher[] = [ModelWatcher.new()];
  #node: WatchedNode;
  #stream: PullStream<TaskEvent> | undefined;
  #isStopped = false;
  /** How often it resumed on another server than before, ahead of what that server knew. */
  movesAhead = 0;

  constructor(nodes: readonly WatchedNode[], filter: JobFilter, minIntervalMs: number, random: () => number) {
    this.#nodes = nodes;
    this.#filter = filter;
    this.#minIntervalMs = minIntervalMs;
    this.#random = random;
    this.#node = nodes[0]!;
  }

  get held(): ModelWatcher["held"] {
    return this.#newest.held;
  }

  /** What its server has. */
  get expected(): ModelWatcher["held"] {
    return expectedJobs({ ...this.#node, filter: this.#filter });
  }

  /** Reads and moves until it is stopped. @throws if a law is broken */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      this.#move();
      this.#stream = await this.#subscribe();
      if (this.#isStopped) this.stop();
      else if (this.#stream) await this.#read(this.#stream);
    }
  }

  stop(): void {
    this.#isStopped = true;
    void this.#stream?.return();
  }

  get #newest(): ModelWatcher {
    return this.#past.at(-1)!;
  }

  #move(): void {
    this.#node = this.#oneOf(this.#nodes);
    if (this.#random() < 0.2) this.#past = [...this.#past, this.#oneOf(this.#past)];
    const { position } = this.#newest;
    if (position && newestRevisionIn(position) > this.#node.store.position.revision) this.movesAhead++;
  }

  /** Returns undefined if the server cannot say now what is new. */
  async #subscribe(): Promise<PullStream<TaskEvent> | undefined> {
    const { position } = this.#newest;
    const after = position && parsePosition(formatPosition(position));
    try {
      const minIntervalMs = this.#minIntervalMs;
      return await this.#node.hub.taskEvents({ database: DATABASE, ...this.#filter, after, minIntervalMs });
    } catch (error) {
      if (error instanceof TidemarkError && error.code === "UNAVAILABLE") return undefined;
      throw error;
    }
  }

  async #read(stream: PullStream<TaskEvent>): Promise<void> {
    for await (const event of stream) {
      const before = this.#newest;
      const after = before.receive(event);
      expectLawful({ ...this.#node, filter: this.#filter }, before, event, after);
      this.#past = [...this.#past, after].slice(-PAST_MAX);
      if (this.#random() < 0.3) await randomTurns(this.#random);
      if (this.#random() < 0.05) return;
    }
  }

  #oneOf<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)]!;
  }
}

const PAST_MAX = 20;
