/**
 * Runs a server for a time under random faults of its machine, its operator and other clients, while four writers
 * and eight watchers work on it. After each fault, the laws are checked; at the end, the bounds of memory,
 * descriptors and disk. The seed determines the faults and the requests, but not their timing.
 */
import { rmSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { keepRecord } from "../crash/keep-record.js";
import { CheckedWorkload } from "../crash/workload.js";
import { seededRandom } from "../deterministic/seeded-random.js";
import { readiness } from "../disk-faults/server.js";
import { Program, readyLine } from "../process/child-process.js";
import { timeShift } from "../process/fake-time.js";
import { DESCRIPTORS_MAX, FAULTS, type Fault } from "./faults.js";
import { Sampler, type Sample } from "./sampler.js";

export interface SoakOptions {
  readonly seed: number;
  /** The run continues until each fault has happened and this time has passed, in milliseconds. */
  readonly ms: number;
  /** The server's data folder; empty at the start, and on a small disk if the disk may become full. */
  readonly folder: string;
  readonly isDiskSmall: boolean;
  readonly onFault?: (name: string, report: SoakReport) => void;
}

export interface SoakReport {
  /** How often each fault happened. */
  readonly faults: Readonly<Record<string, number>>;
  /** Changes of the checked databases. */
  readonly changes: number;
  readonly samples: readonly Sample[];
  /** The measures that are above their bounds at the end. */
  readonly findings: readonly string[];
}

/** Rejects with the violations and the folder that contains the complete record. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  await using run = new SoakRun(options);
  try {
    return await run.run();
  } catch (error) {
    throw keepRecord("soak", options, run.record, error);
  }
}

class SoakRun implements AsyncDisposable {
  readonly #options: SoakOptions;
  readonly #random: () => number;
  readonly #workload: CheckedWorkload;
  readonly #sampler: Sampler;
  readonly #faults: readonly Fault[];
  readonly #counts: Record<string, number> = {};
  readonly #startedAt = performance.now();
  readonly #findings: string[] = [];
  #program!: Program;
  #url = "";

  constructor(options: SoakOptions) {
    const { seed, folder, isDiskSmall } = options;
    this.#options = options;
    this.#random = seededRandom(seed);
    this.#workload = new CheckedWorkload(seed, WRITER_PAUSE_MS);
    this.#sampler = new Sampler(folder);
    this.#faults = FAULTS.filter(({ needsSmallDisk = false }) => isDiskSmall || !needsSmallDisk);
  }

  async run(): Promise<SoakReport> {
    await this.#start();
    await this.#workload.storeInitialJobs();
    await this.#workload.check();
    do {
      for (const fault of this.#shuffled()) await this.#round(fault);
    } while (performance.now() - this.#startedAt < this.#options.ms);
    await this.#workload.check({ isLast: true });
    this.#workload.checkTranscripts();
    await this.#checkBounds();
    return this.#report;
  }

  get record(): object {
    return { ...this.#report, printed: this.#program.err, ...this.#workload.record };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sampler.stop();
    this.#workload[Symbol.dispose]();
    await this.#program[Symbol.asyncDispose]();
    rmSync(this.#shiftFile, { force: true });
  }

  get #report(): SoakReport {
    const { changes } = this.#workload.progress;
    return { faults: this.#counts, changes, samples: this.#sampler.samples, findings: this.#findings };
  }

  async #start(): Promise<void> {
    const store = ["--store", `lmdb:${this.#options.folder}`];
    const server = [process.execPath, HEAP_FLAG, "dist/main.js", "serve", "--port", "0", ...IDLE, ...store];
    const env = timeShift(this.#shiftFile);
    this.#program = new Program("prlimit", [`--nofile=${DESCRIPTORS_MAX}`, ...server], { env });
    this.#url = (await readyLine(this.#program)).url;
    this.#workload.url = this.#url;
    this.#sampler.url = this.#url;
  }

  #shuffled(): Fault[] {
    const keyed = this.#faults.map((fault) => ({ fault, key: this.#random() }));
    return keyed.toSorted((a, b) => a.key - b.key).map(({ fault }) => fault);
  }

  async #round(fault: Fault): Promise<void> {
    this.#sampler.fault = fault.name;
    await (fault.endsServer ? this.#endServer(fault) : this.#endure(fault));
    this.#sampler.fault = "";
    while ((await readiness(this.#url)) !== 200) await setTimeout(100);
    await this.#workload.check();
    this.#counts[fault.name] = (this.#counts[fault.name] ?? 0) + 1;
    this.#options.onFault?.(fault.name, this.#report);
  }

  async #endure(fault: Fault): Promise<void> {
    const stopped = new AbortController();
    const { mayRefuse = false } = fault;
    const writing = this.#workload.write(stopped.signal, { mayBeRefused: mayRefuse });
    try {
      await Promise.race([fault.run(this.#context), writing.then(() => NEVER), this.#ended()]);
    } finally {
      stopped.abort();
    }
    await writing;
  }

  async #endServer(fault: Fault): Promise<void> {
    const stopped = new AbortController();
    const writing = this.#workload.write(stopped.signal);
    await Promise.race([setTimeout(this.#random() * 2_000), writing]);
    stopped.abort();
    this.#sampler.url = undefined;
    await fault.run(this.#context);
    await Promise.all([this.#program.exited, writing, this.#workload.untilCutOff()]);
    await this.#start();
  }

  /** Rejects when the server ends by itself. */
  async #ended(): Promise<never> {
    const { code, signal } = await this.#program.exited;
    throw new Error(`The server ended by itself (${code ?? signal}): ${this.#program.err.join("\n")}`);
  }

  get #context(): Parameters<Fault["run"]>[0] {
    const { folder } = this.#options;
    const pid = this.#program.pid!;
    const setTime = (shift: string): void => writeFileSync(this.#shiftFile, shift);
    return { url: this.#url, program: this.#program, pid, folder, setTime, random: this.#random };
  }

  /** Beside the data folder, which may be full. */
  get #shiftFile(): string {
    return `${this.#options.folder}-shift`;
  }

  /** Checks a server at rest. Memory and files are given back within a minute. */
  async #checkBounds(): Promise<void> {
    const { samples } = this.#sampler;
    const restsFrom = performance.now();
    while (performance.now() - restsFrom < REST_MS_MAX && exceeded(samples.at(-1)).length > 0)
      await setTimeout(500);
    this.#findings.push(...exceeded(samples.at(-1)));
  }
}

function exceeded(sample: Sample | undefined): string[] {
  return Object.entries(BOUNDS).flatMap(([name, bound]) => {
    const value = sample?.[name as keyof typeof BOUNDS] ?? Infinity;
    return value > bound ? `${name} is ${value} at rest; at most ${bound} is expected` : [];
  });
}

const NEVER = new Promise<never>(() => {});

/** Between two requests of a writer, so that the checker can hold all of a long run. */
const WRITER_PAUSE_MS = 25;

const HEAP_FLAG = "--max-old-space-size=256";

/** Databases of the faults are closed soon, so that their files count at the end. */
const IDLE = ["--idle", "5s"];

const REST_MS_MAX = 60_000;

const BOUNDS = { heapMb: 160, rssMb: 500, descriptors: 100, diskMb: 100 } as const;
