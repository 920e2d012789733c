/**
 * Runs a server that is killed (SIGKILL) repeatedly while four writers and eight watchers work on the same
 * folder. After each start, writers continue from the state they find and watchers resume from what they hold.
 * One seed determines a run, except for its timing.
 */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startTidemark, type Tidemark } from "../process/child-process.js";
import { CrashChecker } from "./checker.js";
import type { CrashRound } from "./record.js";
import { CrashWatchers, DATABASES, queryDatabases, KillableServer } from "./watchers.js";
import { CrashWriter } from "./writer.js";
import { seededRandom } from "../deterministic/seeded-random.js";
import { allViolations } from "../wire/laws.js";

export interface CrashOptions {
  readonly seed: number;
  /** The number of kills. */
  readonly rounds: number;
  /** The server's data folder; empty at the start. */
  readonly folder: string;
  /** Called after each kill whose checks passed. */
  readonly onRound?: (survived: CrashProgress) => void;
}

export interface CrashProgress {
  /** Kills so far. */
  readonly kills: number;
  /** Changes so far, in all databases. */
  readonly changes: number;
  /** Requests so far that a kill left without an answer. */
  readonly underWay: number;
}

/** Rejects with the violations and the folder that contains the complete record. */
export async function runThroughKills(options: CrashOptions): Promise<CrashProgress> {
  await using life = new CrashRun(options);
  try {
    return await life.live();
  } catch (error) {
    throw new Error(`Seed ${options.seed}: ${String(error)}\n${life.keep(error)} has all of it.`, {
      cause: error,
    });
  }
}

/** After this number of kills, new subscribers that hold nothing replace the current ones. */
const GENERATION = 10;

/** Time from the writers' start to the kill. */
const [KILL_MS_MIN, KILL_MS_MAX] = [5, 500];

const SINGLE = { isBatching: false, jobs: { movies: 3, neo4j: 3 } };
const BATCHING = { isBatching: true, jobs: { movies: 6, neo4j: 6, bulk: 20 } };
const WRITERS = [SINGLE, SINGLE, BATCHING, BATCHING];

/** Subscribers that started together, with the history of their time. */
interface Generation {
  readonly watchers: CrashWatchers;
  readonly rounds: CrashRound[];
}

class CrashRun implements AsyncDisposable {
  readonly #options: CrashOptions;
  readonly #random: () => number;
  readonly #server = new KillableServer();
  readonly #writers: readonly CrashWriter[];
  readonly #ledger = new CrashChecker();
  #generation: Generation = this.#newGeneration();
  /** The previous generation, until its transcripts have been checked. */
  #left: Generation | undefined;
  #tidemark: Tidemark | undefined;
  #kills = 0;
  #underWay = 0;

  constructor(options: CrashOptions) {
    const { seed } = options;
    this.#options = options;
    this.#random = seededRandom(seed);
    this.#writers = WRITERS.map((writer, number) => new CrashWriter({ ...writer, number, seed }));
  }

  async live(): Promise<CrashProgress> {
    await this.#start();
    await Promise.all(this.#writers.map((writer) => writer.storeInitialJobs(this.#server.url)));
    await this.#lookAround();
    while (this.#kills < this.#options.rounds) {
      await this.#writeUntilKilled();
      await this.#startAndJudge();
      await this.#lookAround();
      this.#options.onRound?.(this.#survived);
    }
    this.#judge();
    return this.#survived;
  }

  /** Saves the record and the server's data folder. Returns the path. */
  keep(error: unknown): string {
    const { seed, folder } = this.#options;
    const results = fileURLToPath(new URL(`../../../test-results/crash/${seed}/`, import.meta.url));
    mkdirSync(results, { recursive: true });
    cpSync(folder, `${results}data`, { recursive: true });
    writeFileSync(`${results}life.json`, JSON.stringify(this.#toKeep(error), undefined, 1));
    return results;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#generation.watchers[Symbol.dispose]();
    await this.#tidemark?.[Symbol.asyncDispose]();
  }

  get #survived(): CrashProgress {
    const changes = DATABASES.map((database) => this.#ledger.changes(database).length);
    return { kills: this.#kills, changes: changes.reduce((a, b) => a + b), underWay: this.#underWay };
  }

  #toKeep(error: unknown): object {
    const { seed, rounds } = this.#options;
    const generations = [this.#left, this.#generation].flatMap((each) => (each ? [transcribed(each)] : []));
    const changes = DATABASES.map((database) => this.#ledger.changes(database).slice(-CHANGES_KEPT));
    const printed = this.#tidemark?.program.err;
    return { seed, rounds, kills: this.#kills, error: String(error), printed, changes, generations };
  }

  #newGeneration(): Generation {
    return { watchers: new CrashWatchers(this.#server), rounds: [] };
  }

  async #start(): Promise<void> {
    this.#tidemark = await startTidemark(["--store", `lmdb:${this.#options.folder}`]);
    this.#server.url = this.#tidemark.url;
  }

  /** Checks transcripts while the server starts, to use both processors. */
  async #startAndJudge(): Promise<void> {
    const ready = Promise.all([this.#start(), this.#generation.watchers.untilCutOff()]);
    try {
      this.#judge();
    } finally {
      await ready;
    }
  }

  /** @throws Error with the violations found in transcripts that ended since the last call */
  #judge(): void {
    if (this.#left) complain(lawsBroken(this.#ledger, this.#left.watchers));
    this.#left = undefined;
  }

  async #writeUntilKilled(): Promise<void> {
    const { program } = this.#tidemark!;
    const killed = new AbortController();
    const afterMs = KILL_MS_MIN + this.#random() * (KILL_MS_MAX - KILL_MS_MIN);
    const writing = Promise.all(this.#writers.map((writer) => writer.write(this.#server.url, killed.signal)));
    await Promise.race([setTimeout(afterMs), writing]);
    killed.abort();
    program.signal("SIGKILL");
    this.#kills++;
    const [{ signal }] = await Promise.all([program.exited, writing]);
    if (signal !== "SIGKILL") throw new Error(`The server ended by itself: ${program.err.join("\n")}`);
  }

  /** While no one writes: lets all watchers catch up and checks their state. */
  async #lookAround(): Promise<void> {
    const { watchers, rounds } = this.#generation;
    const finding = Promise.all(DATABASES.map((database) => queryDatabases(this.#server.url, database)));
    const [found] = await Promise.all([finding, watchers.reconnect()]);
    const late = await watchers.untilHold(found);
    const requests = this.#writers.flatMap((writer) => writer.turn(found));
    this.#underWay += requests.filter(({ answer }) => !answer).length;
    const round: CrashRound = { requests, removals: watchers.newRemovals(), found };
    rounds.push(round);
    complain(this.#ledger.checkRound(round));
    if (late.length > 0) complain([...late, ...lawsBroken(this.#ledger, watchers)]);
    const isLast = this.#kills === this.#options.rounds;
    if (isLast || rounds.length > GENERATION) await this.#succeed(found);
  }

  /** Replaces the subscribers by new ones that hold nothing. */
  async #succeed(found: CrashRound["found"]): Promise<void> {
    this.#generation.watchers.leave(found);
    this.#left = this.#generation;
    this.#generation = this.#newGeneration();
    const { watchers } = this.#generation;
    await watchers.reconnect();
    complain(await watchers.untilHold(found));
  }
}

function transcribed({ watchers, rounds }: Generation): object {
  return { rounds, transcripts: DATABASES.map((database) => watchers.transcripts(database)) };
}

/** Compares the subscribers' transcripts with the checker's history. */
function lawsBroken(ledger: CrashChecker, watchers: CrashWatchers): string[] {
  return DATABASES.flatMap((database) => {
    const transcripts = watchers.transcripts(database);
    const history = ledger.history(database, transcripts);
    return transcripts.flatMap((transcript, watcher) =>
      allViolations(transcript, history).map(
        ({ promised, place, what }) =>
          `${database}: ${promised}: subscriber ${watcher}, entry ${place}: ${what}`,
      ),
    );
  });
}

function complain(complaints: readonly string[]): void {
  if (complaints.length > 0) throw new Error(complaints.slice(0, COMPLAINTS_MAX).join("\n"));
}

const COMPLAINTS_MAX = 20;

/** Changes of each database in the saved record. */
const CHANGES_KEPT = 5_000;
