import { isDeepStrictEqual } from "node:util";
import { formatPosition } from "../../../src/protocol/position.js";
import type { JobFilter, TaskStore } from "../../../src/store/task-store.js";
import { WireClient } from "./client.js";
import type { WireHistory } from "./history.js";
import type { WireConnection, WireTransport } from "./connection.js";
import { queryWireState, type WireEvent } from "./event.js";
import { eventsOf, type TranscriptEntry, type HeldVersions, type Transcript } from "./transcript.js";

/** The address to watch; the store is read only for its revision. */
export interface WatchTarget {
  readonly url: string;
  readonly store: TaskStore;
}

export interface WatcherOptions {
  readonly transport: WireTransport;
  readonly filter?: JobFilter;
  readonly minIntervalMs?: number;
}

/**
 * A subscriber that records everything it receives. The test makes it pause, disconnect or resume.
 *
 *     using watcher = new WireWatcher(watched, { transport });
 *     await watcher.connect();
 *     await watcher.until(() => watcher.isExact);
 *     watcher.disconnect();
 *     await watcher.reconnect();
 */
export class WireWatcher implements Disposable {
  readonly #watched: WatchTarget;
  readonly #transport: WireTransport;
  readonly #question: { readonly filter: JobFilter; readonly minIntervalMs: number };
  readonly #entries: TranscriptEntry[] = [];
  /** Its state after each entry. */
  readonly #clients: WireClient[] = [];
  #eventCount = 0;
  #client = WireClient.new();
  #connection: WireConnection | undefined;
  #failure: unknown;
  #changed: (() => void)[] = [];

  constructor(watched: WatchTarget, { transport, filter = {}, minIntervalMs = 0 }: WatcherOptions) {
    this.#watched = watched;
    this.#transport = transport;
    this.#question = { filter, minIntervalMs };
  }

  get transcript(): Transcript {
    return [...this.#entries];
  }

  get events(): WireEvent[] {
    return eventsOf(this.#entries);
  }

  /** How many events it has received so far. */
  get eventCount(): number {
    return this.#eventCount;
  }

  get client(): WireClient {
    return this.#client;
  }

  get filter(): JobFilter {
    return this.#question.filter;
  }

  /** Whether it has caught up since it connected, as far as it knows. */
  get isExact(): boolean {
    const latest = this.#entries.findLast(({ entry }) => entry === "connected" || entry === "received");
    return latest?.entry === "received" && this.#client.position?.catchUp === undefined;
  }

  /** A condition for `until`: the watcher has received and holds all of `history` that concerns it. */
  holds(history: WireHistory): () => boolean {
    const toHold = history.at(history.revision, this.filter);
    const latest = history.latestChangeOfAny(this.filter);
    return () => {
      const { held, position } = this.#client;
      return this.isExact && position!.revision >= latest && isDeepStrictEqual(held, toHold);
    };
  }

  /** The position of its latest event. */
  get position(): string | null {
    return this.#client.position ? formatPosition(this.#client.position) : null;
  }

  /** Starts without a position by default; the state it had is dropped. */
  async connect(after: string | null = null, holding: HeldVersions = { kind: "nothing" }): Promise<void> {
    this.disconnect();
    this.#failure = undefined;
    const { url, store } = this.#watched;
    this.#client = this.#clientHolding(holding, after);
    const transport = this.#transport.name;
    const storeRevision = store.position.revision;
    this.#record({ entry: "connected", transport, ...this.#question, after, holding, storeRevision });
    const connection = await this.#transport.connect(url, { ...this.#question, after });
    this.#connection = connection;
    void this.#read(connection);
  }

  /** Resumes with the position of an event that it received, and with the state it had then. */
  reconnect(eventsAgo = 0): Promise<void> {
    const places = this.#entries.flatMap(({ entry }, place) => (entry === "received" ? [place] : []));
    const place = places.at(-1 - eventsAgo);
    if (place === undefined) return this.connect();
    return this.connect(formatPosition(this.#clients[place]!.position!), { kind: "asAfter", place });
  }

  /** Resumes with a foreign position and its current state. */
  reconnectFrom(stray: string): Promise<void> {
    return this.connect(stray, { kind: "asAfter", place: this.#entries.length - 1 });
  }

  /** Queries the state and subscribes after its position. */
  async query(): Promise<void> {
    const { jobs, position } = await queryWireState(this.#watched.url, this.filter);
    await this.connect(position, { kind: "answer", jobs });
  }

  disconnect(): void {
    if (!this.#connection) return;
    this.#connection[Symbol.dispose]();
    this.#connection = undefined;
    this.#record({ entry: "disconnected" });
  }

  pause(): void {
    this.#connection?.pause();
    this.#record({ entry: "paused" });
  }

  resume(): void {
    this.#connection?.resume();
    this.#record({ entry: "resumed" });
  }

  /** Call it once writes have ended and the watcher has had ample time. */
  quiet(): void {
    this.#record({ entry: "quiet", revision: this.#watched.store.position.revision });
  }

  /** Checks the condition at each event. Rejects if the server ends the connection before. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  /** The next `count` events of this connection. */
  async take(count: number): Promise<WireEvent[]> {
    const from = this.#eventCount;
    await this.until(() => this.#eventCount >= from + count);
    return this.events.slice(from, from + count);
  }

  [Symbol.dispose](): void {
    this.disconnect();
  }

  async #read(connection: WireConnection): Promise<void> {
    try {
      for (;;) {
        const event = await connection.next();
        if (this.#connection !== connection) return;
        this.#client = this.#client.receive(event);
        this.#eventCount++;
        const storeRevision = this.#watched.store.position.revision;
        this.#record({ entry: "received", event, storeRevision });
      }
    } catch (error) {
      if (this.#connection === connection) this.#fail(error);
    }
  }

  #clientHolding(holding: HeldVersions, after: string | null): WireClient {
    if (holding.kind === "asAfter") return this.#clients[holding.place] ?? WireClient.new();
    return holding.kind === "answer" ? WireClient.holding(holding.jobs, after!) : WireClient.new();
  }

  #record(entry: TranscriptEntry): void {
    this.#entries.push(entry);
    this.#clients.push(this.#client);
    this.#tell();
  }

  #fail(error: unknown): void {
    this.#failure = error;
    this.#tell();
  }

  #tell(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}
