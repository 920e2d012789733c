/**
 * Very many watchers that lose their connections at once and resume at once, each with its own position, while
 * writes continue. Their selections are small, so that there can be many.
 */
import { formatPosition, parsePosition, type Position } from "../../../src/protocol/position.js";
import { DATABASE, manyKeys, reportOf, storeRequestOf } from "../store/requests.js";
import { wireKey } from "./event.js";
import type { WireHistory } from "./history.js";
import { RecordedServer } from "./recorded-server.js";
import { WsClient, type Operation } from "../network/ws-client.js";

export interface StormReport {
  /** Watchers that received a Reset. */
  readonly resets: number;
  /** After a resume: jobs that were delivered without a change, or changed without a delivery. */
  readonly violations: readonly string[];
  /** Watchers that hold the last version of every job at the end. */
  readonly complete: number;
}

const KEYS = manyKeys(10);
/** Jobs that change while the watchers are away. */
const BUSY_KEYS = KEYS.slice(0, 5);
const CHANGES_AWAY = 30;
/** Watchers that connect at a time before the storm, and that resume between two changes. */
const WAVE = 100;

export async function reconnectStorm(count: number): Promise<StormReport> {
  await using world = await RecordedServer.open();
  for (const key of KEYS) await world.store.store(storeRequestOf(key));
  const members = Array.from({ length: count }, () => new StormWatcher(world));
  await connectInWaves(members);
  await change(world, KEYS);
  await Promise.all(members.map((member, at) => member.readUpTo(KEYS.length + (at % (KEYS.length + 1)))));
  for (const member of members) member.lose();
  for (let at = 0; at < CHANGES_AWAY; at += BUSY_KEYS.length) await change(world, BUSY_KEYS);
  await comeBackWhileOthersWrite(world, members);
  const { history } = world;
  await Promise.all(members.map((member) => member.readUpTo(history.revision)));
  for (const member of members) member.lose();
  return {
    resets: members.filter(({ hasForgotten }) => hasForgotten).length,
    violations: members.flatMap((member) => member.violations(history)),
    complete: members.filter((member) => member.holdsAllOf(history)).length,
  };
}

async function connectInWaves(members: readonly StormWatcher[]): Promise<void> {
  for (let first = 0; first < members.length; first += WAVE) {
    await Promise.all(members.slice(first, first + WAVE).map((member) => member.connect()));
  }
}

async function change({ store }: RecordedServer, keys: typeof KEYS): Promise<void> {
  for (const key of keys) await store.update(key, reportOf({ add: 1 }));
}

async function comeBackWhileOthersWrite(
  world: RecordedServer,
  members: readonly StormWatcher[],
): Promise<void> {
  let back = 0;
  const comeBack = async (member: StormWatcher): Promise<void> => {
    await member.connect();
    if (++back % WAVE === 0) await change(world, [BUSY_KEYS[(back / WAVE) % BUSY_KEYS.length]!]);
  };
  await Promise.all(members.map(comeBack));
}

interface Told {
  readonly kind: string;
  readonly position: string;
  readonly userTask?: { readonly username: string; readonly jobId: string; readonly version: number };
}

const EVENTS = `subscription ($database: String!, $after: Position) {
  taskEvents(database: $database, after: $after) {
    kind: __typename position
    ... on TaskStored { userTask { username jobId version } }
    ... on TaskUpdated { userTask { username jobId version } }
  }
}`;

/** One watcher, which at first holds what was stored. */
class StormWatcher {
  readonly #url: string;
  readonly #versions = new Map(KEYS.map((key) => [wireKey(key), 1]));
  #position: Position;
  #client: WsClient | undefined;
  #operation: Operation | undefined;
  #cameFrom = 0;
  #caughtUpAt = 0;
  /** Jobs delivered after it resumed. */
  #toldAgain = new Set<string>();
  hasForgotten = false;

  constructor({ url, store }: RecordedServer) {
    this.#url = url;
    this.#position = store.position;
  }

  /** Resumes, and resolves when it has caught up. */
  async connect(): Promise<void> {
    this.#client = await WsClient.connect(this.#url);
    const variables = { database: DATABASE, after: formatPosition(this.#position) };
    this.#operation = this.#client.subscribe({ query: EVENTS, variables });
    this.#cameFrom = this.#position.revision;
    this.#toldAgain = new Set();
    while ((await this.#read()) !== "CaughtUp");
    this.#caughtUpAt = this.#position.revision;
  }

  /** Ignores later events, even if they have arrived. */
  async readUpTo(revision: number): Promise<void> {
    while (this.#position.revision < revision) await this.#read();
  }

  lose(): void {
    this.#client?.[Symbol.dispose]();
  }

  /** It received each job that changed since the disconnection, and no other. */
  violations(history: WireHistory): string[] {
    return KEYS.map(wireKey).filter((key) => {
      const hasChanged = history.changesOf(key, this.#cameFrom, this.#caughtUpAt).length > 0;
      return hasChanged !== this.#toldAgain.has(key);
    });
  }

  holdsAllOf(history: WireHistory): boolean {
    return [...this.#versions].every(
      ([key, version]) => version === history.versionAt(key, history.revision),
    );
  }

  async #read(): Promise<string> {
    const { data } = await this.#operation!.next();
    const { kind, position, userTask } = (data as { taskEvents: Told }).taskEvents; // safe: so it asks for it
    this.#position = parsePosition(position);
    if (kind === "Reset") this.hasForgotten = true;
    if (userTask) this.#versions.set(wireKey(userTask), userTask.version);
    if (userTask && this.#position.catchUp) this.#toldAgain.add(wireKey(userTask));
    return kind;
  }
}
