/**
 * The life of a server that is killed (SIGKILL) again and again while four write and eight watch, always over the
 * same folder. Who wrote goes on from what is found after the next start, who watched comes back with what it
 * holds. One number stands for a life; only how fast things happen is not in it.
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
  /** Kills. */
  readonly rounds: number;
  /** Where the server keeps its data; empty. */
  readonly folder: string;
  /** Called after each kill, when all that was checked is as it should be. */
  readonly onRound?: (survived: CrashProgress) => void;
}

export interface CrashProgress {
  /** So far. */
  readonly kills: number;
  /** Changes so far, in all databases. */
  readonly changes: number;
  /** Requests so far that were not answered before a kill. */
  readonly underWay: number;
}

/** Rejects with what was lost, and with the folder that has all of it. */
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

/** So many kills later other subscribers, who hold nothing, take the place of those that there are. */
const GENERATION = 10;

/** A kill comes so long after the writers began. */
const [KILL_MS_MIN, KILL_MS_MAX] = [5, 500];

const SINGLE = { isBatching: false, jobs: { movies: 3, neo4j: 3 } };
const BATCHING = { isBatching: true, jobs: { movies: 6, neo4j: 6, bulk: 20 } };
const WRITERS = [SINGLE, SINGLE, BATCHING, BATCHING];

/** Subscribers who came at the same time, and what happened while they were there. */
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
  /** The one before, until it was looked at what they were told. */
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

  /** Keeps what is needed to see what went wrong, and what the server kept. Returns where. */
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

  /** Judges while the server starts: there are two processors. */
  async #startAndJudge(): Promise<void> {
    const ready = Promise.all([this.#start(), this.#generation.watchers.untilCutOff()]);
    try {
      this.#judge();
    } finally {
      await ready;
    }
  }

  /** @throws what is wrong with what they were told who have left since this was asked last */
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

  /** While nobody writes: lets everybody catch up, and checks what is there. */
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

  /** The subscribers leave; others come, who hold nothing. */
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

/** What subscribers were told against what the books say. */
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

/** Of each database, in the file that is kept. */
const CHANGES_KEPT = 5_000;
