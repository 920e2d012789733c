import type { CrashInput, CrashJob, CrashRequest, FoundDatabase } from "./record.js";
import { request } from "./requests.js";
import { HttpConnection } from "../network/raw-http.js";
import { ALICE, BOB } from "../store/requests.js";
import { seededRandom } from "../deterministic/seeded-random.js";
import { wireKey, type WireJob } from "../wire/event.js";

export interface CrashWriterOptions {
  readonly seed: number;
  /** Also names its jobs: no two writers have one in common. */
  readonly number: number;
  /** How many jobs it has in each database. */
  readonly jobs: Readonly<Record<string, number>>;
  /** Whether it mostly sends many reports at once. */
  readonly isBatching: boolean;
}

/**
 * A worker that writes as fast as it is answered, and remembers what it asked for and what it was answered. What
 * it asks for is chosen by its seed.
 */
export class CrashWriter {
  readonly #number: number;
  readonly #isBatching: boolean;
  readonly #jobs: readonly CrashJob[];
  readonly #random: () => number;
  #mark = 0;
  #requests: CrashRequest[] = [];
  /** Jobs that are there, as far as it knows. */
  #there = new Set<CrashJob>();
  /** Jobs that it asked to remove: it leaves them alone for now, so that everybody is told of the removal. */
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

  /** Writes until the server is killed. @throws what goes wrong before */
  async write(url: string, killed: AbortSignal): Promise<void> {
    using connection = new HttpConnection(url);
    try {
      while (this.#removed.size < this.#jobs.length) await this.#ask(connection, this.#next());
    } catch (error) {
      if (!killed.aborted) throw error;
    }
  }

  /** Goes on from what is there. Returns what it asked for since the last time. */
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

/** Each writer has jobs of each of them. */
const USERS = [ALICE.username, BOB.username];

/** Of what it asks for, so much is reports; and with stores, so much: the rest is removals. */
const REPORTS_SHARE = 0.92;
const STORES_SHARE = 0.98;
