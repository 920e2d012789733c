import { setTimeout } from "node:timers/promises";
import type { CrashInput, CrashJob, CrashRequest, FoundDatabase } from "./record.js";
import { request, RequestRefused } from "./requests.js";
import { HttpConnection } from "../network/raw-http.js";
import { ALICE, BOB } from "../store/requests.js";
import { seededRandom } from "../deterministic/seeded-random.js";
import { wireKey, type WireJob } from "../wire/event.js";

export interface CrashWriterOptions {
  readonly seed: number;
  /** Also part of its job ids: no two writers share a job. */
  readonly number: number;
  /** The number of its jobs in each database. */
  readonly jobs: Readonly<Record<string, number>>;
  /** Whether it mostly sends many reports in one request. */
  readonly isBatching: boolean;
  /** The pause after each request, in milliseconds. */
  readonly pauseMs: number;
}

/**
 * A worker that writes, by default as fast as the server answers, and records its requests and their answers. Its seed
 * determines the requests.
 */
export class CrashWriter {
  readonly #number: number;
  readonly #isBatching: boolean;
  readonly #pauseMs: number;
  readonly #jobs: readonly CrashJob[];
  readonly #random: () => number;
  #mark = 0;
  #requests: CrashRequest[] = [];
  /** Jobs that exist as far as it knows. */
  #there = new Set<CrashJob>();
  /**
   * Jobs that it leaves alone until the next round: it asked to remove them, and every subscriber should receive
   * the removal; or a request about them was refused, and it does not know whether it was applied.
   */
  #resting = new Set<CrashJob>();

  constructor({ seed, number, jobs, isBatching, pauseMs }: CrashWriterOptions) {
    this.#number = number;
    this.#isBatching = isBatching;
    this.#pauseMs = pauseMs;
    this.#random = seededRandom(seed + number * 1_000_003);
    this.#jobs = Object.entries(jobs).flatMap(([database, length]) =>
      Array.from({ length }, (_, job) => ({
        database,
        username: USERS[job % USERS.length]!,
        jobId: `writer-${number}-${job}`,
      })),
    );
  }

  /** Stores all its jobs. */
  async storeInitialJobs(url: string): Promise<void> {
    using connection = new HttpConnection(url);
    for (const job of this.#jobs) await this.#ask(connection, [this.#input("store", job)]);
  }

  /** Writes until it is stopped. @throws the first error before that, unless the server refused and may refuse */
  async write(url: string, stopped: AbortSignal, mayBeRefused: boolean): Promise<void> {
    using connection = new HttpConnection(url);
    try {
      while (!stopped.aborted && this.#resting.size < this.#jobs.length) {
        await this.#askOnce(connection, this.#next(), mayBeRefused);
        if (this.#pauseMs > 0) await setTimeout(this.#pauseMs);
      }
    } catch (error) {
      if (!stopped.aborted) throw error;
    }
  }

  /** Continues from the given state. Returns the requests since the last call. */
  turn(databases: readonly FoundDatabase[]): readonly CrashRequest[] {
    const found = new Set(
      databases.flatMap(({ database, jobs }) => jobs.map((job) => database + wireKey(job))),
    );
    const isThere = (job: CrashJob) => found.has(job.database + wireKey(job));
    this.#there = new Set(this.#jobs.filter(isThere));
    this.#resting = new Set();
    const requests = this.#requests;
    this.#requests = [];
    return requests;
  }

  async #askOnce(
    connection: HttpConnection,
    inputs: readonly CrashInput[],
    mayBeRefused: boolean,
  ): Promise<void> {
    try {
      await this.#ask(connection, inputs);
    } catch (error) {
      if (!mayBeRefused || !(error instanceof RequestRefused)) throw error;
      for (const job of this.#jobs.filter((each) => inputs.some((input) => isAbout(input, each)))) {
        this.#resting.add(job);
      }
    }
  }

  async #ask(connection: HttpConnection, inputs: readonly CrashInput[]): Promise<void> {
    let answer: (WireJob | null)[] | undefined;
    try {
      answer = await request(connection, inputs);
    } finally {
      this.#requests.push({ writer: this.#number, inputs, answer });
    }
  }

  #next(): CrashInput[] {
    const dice = this.#random();
    const reports = dice < REPORTS_SHARE ? this.#reports() : [];
    if (reports.length > 0) return reports;
    const job = this.#oneOf(this.#jobs.filter((each) => !this.#resting.has(each)));
    if (dice < STORES_SHARE || !this.#there.has(job)) return [this.#store(job)];
    this.#there.delete(job);
    this.#resting.add(job);
    return [this.#input("remove", job)];
  }

  #reports(): CrashInput[] {
    const there = [...this.#there].filter((job) => !this.#resting.has(job));
    if (there.length === 0) return [];
    if (!this.#isBatching) return [this.#input("report", this.#oneOf(there))];
    const share = this.#random();
    const some = there.filter(() => this.#random() < share);
    return some.map((job) => this.#input("report", job));
  }

  #store(job: CrashJob): CrashInput {
    this.#there.add(job);
    return this.#input("store", job);
  }

  #input(kind: CrashInput["kind"], job: CrashJob): CrashInput {
    return { kind, mark: ++this.#mark, ...job };
  }

  #oneOf<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random() * choices.length)]!;
  }
}

function isAbout(input: CrashInput, { database, username, jobId }: CrashJob): boolean {
  return input.database === database && input.username === username && input.jobId === jobId;
}

/** Each writer has jobs of both users. */
const USERS = [ALICE.username, BOB.username];

/** The share of reports among requests, and of reports and stores together; the rest are removals. */
const REPORTS_SHARE = 0.92;
const STORES_SHARE = 0.98;
