import { setTimeout } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { parsePosition } from "../../../src/protocol/position.js";
import type { JobFilter, TaskStore } from "../../../src/store/task-store.js";
import type { FoundDatabase, ObservedRemoval } from "./record.js";
import { ALICE, BOB } from "../store/requests.js";
import { heldJob } from "../wire/client.js";
import { WIRE_TRANSPORTS } from "../wire/connection.js";
import { queryWireState, wireKey } from "../wire/event.js";
import type { Transcript } from "../wire/transcript.js";
import { WireWatcher, type WatcherOptions } from "../wire/watcher.js";

/**
 * Eight subscribers of three databases that resume in every round. Their transcripts record what they
 * received.
 */
export class CrashWatchers implements Disposable {
  readonly #server: MovableServer;
  readonly #members: readonly Member[];

  constructor(server: MovableServer) {
    this.#server = server;
    this.#members = WATCHED.map(({ database, filter = {}, ...watching }) => ({
      database,
      watcher: new WireWatcher(server, { ...watching, filter: within(database, filter) }),
      seen: 0,
    }));
  }

  async reconnect(): Promise<void> {
    await Promise.all(this.#members.map(({ watcher }) => watcher.reconnect()));
  }

  /** Waits until each watcher holds the given state. Returns the violations of those that do not. */
  async untilHold(found: readonly FoundDatabase[]): Promise<string[]> {
    const patience = new AbortController();
    const tired = setTimeout(PATIENCE_MS, undefined, { signal: patience.signal });
    const holding = Promise.all(this.#members.map((member) => untilHolds(member, found)));
    await Promise.race([holding, tired]).finally(() => patience.abort());
    return this.#members.flatMap((member, at) =>
      holds(member, found)
        ? []
        : [`subscriber ${at}, of ${member.database}, does not hold what the server has`],
    );
  }

  /** Resolves when each watcher has read everything that the killed server sent. */
  async untilCutOff(): Promise<void> {
    await Promise.all(this.#members.map(({ watcher }) => watcher.until(() => false).catch(() => {})));
  }

  /** Removals received since the last call. */
  newRemovals(): ObservedRemoval[] {
    return this.#members.flatMap((member) => {
      const events = member.watcher.events.slice(member.seen);
      member.seen += events.length;
      return events.flatMap((event) => {
        if (event.kind !== "TaskRemoved") return [];
        const { username, jobId, position } = event;
        return [{ database: member.database, username, jobId, revision: parsePosition(position).revision }];
      });
    });
  }

  /** Disconnects the watchers while each holds the given state and no one writes. */
  leave(found: readonly FoundDatabase[]): void {
    for (const { watcher, database } of this.#members) {
      this.#server.knownRevision = parsePosition(foundIn(found, database).position).revision;
      watcher.quiet();
      watcher.disconnect();
    }
    this.#server.knownRevision = undefined;
  }

  transcripts(database: string): Transcript[] {
    return this.#members.flatMap((each) => (each.database === database ? [each.watcher.transcript] : []));
  }

  [Symbol.dispose](): void {
    for (const { watcher } of this.#members) watcher[Symbol.dispose]();
  }
}

/** A server that may be a new process after each round. Its revision is known only while no one writes. */
export class MovableServer {
  url = "";
  knownRevision: number | undefined;

  get store(): TaskStore {
    const position = { epoch: "", revision: this.knownRevision ?? Number.MAX_SAFE_INTEGER };
    return { position } as TaskStore; // safe: watchers look at the revision alone
  }
}

/** The last one receives bulk writes. */
export const DATABASES = ["movies", "neo4j", "bulk"] as const;

/** The state, read by a query. */
export async function queryDatabases(url: string, database: string): Promise<FoundDatabase> {
  return { database, ...(await queryWireState(url, within(database, {}))) };
}

function foundIn(found: readonly FoundDatabase[], database: string): FoundDatabase {
  return found.find((each) => each.database === database) ?? { database, position: "", jobs: [] };
}

interface Member {
  readonly database: string;
  readonly watcher: WireWatcher;
  /** The number of its events already searched for removals. */
  seen: number;
}

/** Longer than any working watcher needs. */
const PATIENCE_MS = 10_000;

const [OVER_WEBSOCKET, OVER_SSE] = WIRE_TRANSPORTS;
const [MOVIES, NEO4J, BULK] = DATABASES;

const WATCHED: readonly (WatcherOptions & { readonly database: string })[] = [
  { database: MOVIES, transport: OVER_WEBSOCKET },
  { database: MOVIES, transport: OVER_SSE },
  { database: MOVIES, transport: OVER_WEBSOCKET, filter: { username: ALICE.username } },
  { database: MOVIES, transport: OVER_SSE, minIntervalMs: 50 },
  { database: NEO4J, transport: OVER_WEBSOCKET },
  { database: NEO4J, transport: OVER_WEBSOCKET, minIntervalMs: 20 },
  { database: NEO4J, transport: OVER_SSE, filter: { username: BOB.username }, minIntervalMs: 20 },
  { database: BULK, transport: OVER_SSE, minIntervalMs: 20 },
];

/** The fields of a filter become variables of the operation, which changes the database of the subscription. */
function within(database: string, filter: JobFilter): JobFilter {
  const variables = { ...filter, database };
  return variables;
}

function untilHolds(member: Member, found: readonly FoundDatabase[]): Promise<void> {
  return member.watcher.until(() => holds(member, found));
}

function holds({ watcher, database }: Member, found: readonly FoundDatabase[]): boolean {
  if (!watcher.isExact) return false;
  const { username } = watcher.filter;
  const jobs = foundIn(found, database).jobs.filter((job) => (username ?? job.username) === job.username);
  return isDeepStrictEqual(watcher.client.held, new Map(jobs.map((job) => [wireKey(job), heldJob(job)])));
}
