/**
 * Runs a server that is killed (SIGKILL) repeatedly while four writers and eight watchers work on the same
 * folder. After each start, writers continue from the state they find and watchers resume from what they hold.
 * One seed determines a run, except for its timing.
 */
import { setTimeout } from "node:timers/promises";
import { startTidemark, type Tidemark } from "../process/child-process.js";
import { seededRandom } from "../deterministic/seeded-random.js";
import { keepRecord } from "./keep-record.js";
import { CheckedWorkload, type WorkloadProgress } from "./workload.js";

export interface CrashOptions {
  readonly seed: number;
  /** The number of kills. */
  readonly rounds: number;
  /** The server's data folder; empty at the start. */
  readonly folder: string;
  /** Called after each kill whose checks passed. */
  readonly onRound?: (survived: CrashProgress) => void;
}

export interface CrashProgress extends WorkloadProgress {
  /** Kills so far. */
  readonly kills: number;
}

/** Rejects with the violations and the folder that contains the complete record. */
export async function runThroughKills(options: CrashOptions): Promise<CrashProgress> {
  await using life = new CrashRun(options);
  try {
    return await life.live();
  } catch (error) {
    throw keepRecord("crash", options, life.record, error);
  }
}

/** Time from the writers' start to the kill. */
const [KILL_MS_MIN, KILL_MS_MAX] = [5, 500];

class CrashRun implements AsyncDisposable {
  readonly #options: CrashOptions;
  readonly #random: () => number;
  readonly #workload: CheckedWorkload;
  #tidemark: Tidemark | undefined;
  #kills = 0;

  constructor(options: CrashOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#workload = new CheckedWorkload(options.seed);
  }

  async live(): Promise<CrashProgress> {
    await this.#start();
    await this.#workload.storeInitialJobs();
    await this.#workload.check();
    while (this.#kills < this.#options.rounds) {
      await this.#writeUntilKilled();
      await this.#startAndCheck();
      await this.#workload.check({ isLast: this.#kills === this.#options.rounds });
      this.#options.onRound?.(this.#survived);
    }
    this.#workload.checkTranscripts();
    return this.#survived;
  }

  get record(): object {
    const { rounds } = this.#options;
    return { rounds, kills: this.#kills, printed: this.#tidemark?.program.err, ...this.#workload.record };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#workload[Symbol.dispose]();
    await this.#tidemark?.[Symbol.asyncDispose]();
  }

  get #survived(): CrashProgress {
    return { kills: this.#kills, ...this.#workload.progress };
  }

  async #start(): Promise<void> {
    this.#tidemark = await startTidemark(["--store", `lmdb:${this.#options.folder}`]);
    this.#workload.url = this.#tidemark.url;
  }

  /** Checks transcripts while the server starts, to use both processors. */
  async #startAndCheck(): Promise<void> {
    const ready = Promise.all([this.#start(), this.#workload.untilCutOff()]);
    try {
      this.#workload.checkTranscripts();
    } finally {
      await ready;
    }
  }

  async #writeUntilKilled(): Promise<void> {
    const { program } = this.#tidemark!;
    const killed = new AbortController();
    const afterMs = KILL_MS_MIN + this.#random() * (KILL_MS_MAX - KILL_MS_MIN);
    const writing = this.#workload.write(killed.signal);
    await Promise.race([setTimeout(afterMs), writing]);
    killed.abort();
    program.signal("SIGKILL");
    this.#kills++;
    const [{ signal }] = await Promise.all([program.exited, writing]);
    if (signal !== "SIGKILL") throw new Error(`The server ended by itself: ${program.err.join("\n")}`);
  }
}
