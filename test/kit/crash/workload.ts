import { CrashChecker } from "./checker.js";
import type { CrashRound } from "./record.js";
import { CrashWatchers, DATABASES, MovableServer, queryDatabases } from "./watchers.js";
import { CrashWriter } from "./writer.js";
import { allViolations } from "../wire/laws.js";

export interface WorkloadProgress {
  /** Changes so far, in all databases. */
  readonly changes: number;
  /** Requests so far that were not answered, or refused. */
  readonly unanswered: number;
}

/** After this number of rounds, new subscribers that hold nothing replace the current ones. */
const GENERATION = 10;

const SINGLE = { isBatching: false, jobs: { movies: 3, neo4j: 3 } };
const BATCHING = { isBatching: true, jobs: { movies: 6, neo4j: 6, bulk: 20 } };
const WRITERS = [SINGLE, SINGLE, BATCHING, BATCHING];

/** Subscribers that started together, with the history of their time. */
interface Generation {
  readonly watchers: CrashWatchers;
  readonly rounds: CrashRound[];
}

/**
 * Four writers and eight watchers of one server, whose work is checked against the laws after each round. A
 * round is a time in which all write, and then `check`, while no one writes.
 *
 *     await workload.storeInitialJobs();
 *     await workload.write(signal);
 *     await workload.check();
 */
export class CheckedWorkload implements Disposable {
  readonly #server = new MovableServer();
  readonly #writers: readonly CrashWriter[];
  readonly #checker = new CrashChecker();
  #generation: Generation = this.#newGeneration();
  /** The previous generation, until its transcripts have been checked. */
  #left: Generation | undefined;
  #unanswered = 0;

  /** The seed determines the requests. Each writer pauses this number of milliseconds after each request. */
  constructor(seed: number, pauseMs = 0) {
    this.#writers = WRITERS.map((writer, number) => new CrashWriter({ ...writer, number, seed, pauseMs }));
  }

  /** Sets the address of the server, which may be a new process. */
  set url(url: string) {
    this.#server.url = url;
  }

  get progress(): WorkloadProgress {
    const changes = DATABASES.map((database) => this.#checker.changes(database).length);
    return { changes: changes.reduce((a, b) => a + b), unanswered: this.#unanswered };
  }

  /** Everything needed to look into a violation. */
  get record(): object {
    const generations = [this.#left, this.#generation].flatMap((each) => (each ? [transcribed(each)] : []));
    const changes = DATABASES.map((database) => this.#checker.changes(database).slice(-CHANGES_KEPT));
    return { changes, generations };
  }

  async storeInitialJobs(): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.storeInitialJobs(this.#server.url)));
  }

  /** All write until the signal. After it, requests may fail; before it, only those that may be refused. */
  async write(stopped: AbortSignal, { mayBeRefused = false } = {}): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.write(this.#server.url, stopped, mayBeRefused)));
  }

  /** Resolves when the watchers have read everything that a killed server sent. */
  untilCutOff(): Promise<void> {
    return this.#generation.watchers.untilCutOff();
  }

  /**
   * While no one writes: lets all watchers catch up and checks what they and the server hold.
   * @throws Error with the violations
   */
  async check({ isLast = false } = {}): Promise<void> {
    const { watchers, rounds } = this.#generation;
    const finding = Promise.all(DATABASES.map((database) => queryDatabases(this.#server.url, database)));
    const [found] = await Promise.all([finding, watchers.reconnect()]);
    const late = await watchers.untilHold(found);
    const requests = this.#writers.flatMap((writer) => writer.turn(found));
    this.#unanswered += requests.filter(({ answer }) => !answer).length;
    const round: CrashRound = { requests, removals: watchers.newRemovals(), found };
    rounds.push(round);
    complain(this.#checker.checkRound(round));
    if (late.length > 0) complain([...late, ...this.#lawsBroken(watchers)]);
    if (isLast || rounds.length > GENERATION) await this.#replaceWatchers(found);
  }

  /**
   * Checks transcripts that ended since the last call; all after the last round.
   * @throws Error with the violations
   */
  checkTranscripts(): void {
    if (this.#left) complain(this.#lawsBroken(this.#left.watchers));
    this.#left = undefined;
  }

  [Symbol.dispose](): void {
    this.#generation.watchers[Symbol.dispose]();
  }

  async #replaceWatchers(found: CrashRound["found"]): Promise<void> {
    this.checkTranscripts();
    this.#generation.watchers.leave(found);
    this.#left = this.#generation;
    this.#generation = this.#newGeneration();
    const { watchers } = this.#generation;
    await watchers.reconnect();
    complain(await watchers.untilHold(found));
  }

  #newGeneration(): Generation {
    return { watchers: new CrashWatchers(this.#server), rounds: [] };
  }

  /** Compares the subscribers' transcripts with the checker's history. */
  #lawsBroken(watchers: CrashWatchers): string[] {
    return DATABASES.flatMap((database) => {
      const transcripts = watchers.transcripts(database);
      const history = this.#checker.history(database, transcripts);
      return transcripts.flatMap((transcript, watcher) =>
        allViolations(transcript, history).map(
          ({ promised, place, what }) =>
            `${database}: ${promised}: subscriber ${watcher}, entry ${place}: ${what}`,
        ),
      );
    });
  }
}

function transcribed({ watchers, rounds }: Generation): object {
  return { rounds, transcripts: DATABASES.map((database) => watchers.transcripts(database)) };
}

function complain(complaints: readonly string[]): void {
  if (complaints.length > 0) throw new Error(complaints.slice(0, COMPLAINTS_MAX).join("\n"));
}

const COMPLAINTS_MAX = 20;

/** Changes of each database in the saved record. */
const CHANGES_KEPT = 5_000;
