import type { CrashInput, CrashJob, CrashRequest, FoundDatabase } from "./record.js";
import { request } from "./requests.js";
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
}

/**
 * A worker that writes as fast as the server answers and records its requests and their answers. Its seed
 * determines the requests.
 */
export class CrashWriter {
  readonly #number: number;
  readonly #isBatching: boolean;
  readonly #jobs: readonly CrashJob[];
  readonly #random: () => number;
  #mark = 0;
  #requests: CrashRequest[] = [];
  /** Jobs that exist as far as it knows. */
  #there = new Set<CrashJob>();
  /** Jobs it asked to remove. It does not store them again yet, so that every subscriber receives the removal. */
  #removed = new Set<CrashJob>();

  constructor({ seed, number, jobs, isBatching }: CrashWriterOptions) {
    this.#number = number;
    this.#isBatching = isBatching;
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

  /** Writes until the server is killed. @throws the first error before the kill */
  async write(url: string, killed: AbortSignal): Promise<void> {
    using connection = new HttpConnection(url);
    try {
      while (this.#removed.size < this.#jobs.length) await this.#ask(connection, this.#next());
    } catch (error) {
      if (!killed.aborted) throw error;
    }
  }

  /** Continues from the given state. Returns the requests since the last call. */
  turn(databases: readonly FoundDatabase[]): readonly CrashRequest[] {
    const found = new Set(
      databases.flatMap(({ database, jobs }) => jobs.map((job) => database + wireKey(job))),
    );
    const isThere = (job: CrashJob) => found.has(job.database + wireKey(job));
    this.#there = new Set(this.#jobs.filter(isThere));
    this.#removed = new Set();
    const requests = this.#requests;
    this.#requests = [];
    return requests;
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
    const job = this.#oneOf(this.#jobs.filter((each) => !this.#removed.has(each)));
    if (dice < STORES_SHARE || !this.#there.has(job)) return [this.#store(job)];
    this.#there.delete(job);
    this.#removed.add(job);
    return [this.#input("remove", job)];
  }

  #reports(): CrashInput[] {
    const there = [...this.#there];
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

/** Each writer has jobs of both users. */
const USERS = [ALICE.username, BOB.username];

/** The share of reports among requests, and of reports and stores together; the rest are removals. */
const REPORTS_SHARE = 0.92;
const STORES_SHARE = 0.98;
