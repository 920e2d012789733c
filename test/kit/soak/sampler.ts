import { readdirSync, statSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { updateTask, storeTask } from "../../server/jobs.js";
import { HttpConnection, type GraphqlRequest } from "../network/raw-http.js";

/** The costs of a server, and its slowest answers, within one second. */
export interface Sample {
  /** Seconds since the start of the run. */
  readonly at: number;
  /** The fault of that time. */
  readonly fault: string;
  readonly heapMb: number;
  readonly rssMb: number;
  readonly descriptors: number;
  readonly diskMb: number;
  /** The slowest of that second, in milliseconds; absent if this process itself was held up. */
  readonly healthMs?: number;
  readonly updateMs?: number;
}

/** Asks a server for its cost, and measures its answers, once a second while it is up. */
export class Sampler {
  readonly samples: Sample[] = [];
  readonly #folder: string;
  readonly #startedAt = performance.now();
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;
  fault = "";
  url: string | undefined;

  constructor(folder: string) {
    this.#folder = folder;
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const { url } = this;
      // A server that is being restarted has no sample.
      if (url !== undefined) await this.#sampleAt(url).catch(() => {});
      await setTimeout(250);
    }
  }

  /** Samples while the server has this address, over one connection of a worker, and one for each probe. */
  async #sampleAt(url: string): Promise<void> {
    using worker = new HttpConnection(url);
    const job = { database: "probe", username: "probe", jobId: "probe" };
    const report = updateTask({ ...job, updates: [{ path: "", add: 1 }] });
    await worker.post(storeTask({ ...job, task: { description: "probe", volume: 1e9 } }));
    while (this.url === url && !this.#stopped.signal.aborted) {
      const at = Math.round((performance.now() - this.#startedAt) / 1_000);
      const { fault } = this;
      using prober = new HttpConnection(url);
      const latencies = await latenciesOf(prober, worker, report);
      const { body } = await prober.request({ path: "/metrics" });
      const diskMb = megabytes(bytesIn(this.#folder));
      this.samples.push({ at, fault, ...costIn(body), diskMb, ...latencies });
    }
  }
}

function costIn(metrics: string): Pick<Sample, "heapMb" | "rssMb" | "descriptors"> {
  const metric = (name: string): number => Number(new RegExp(`^${name} (.*)$`, "m").exec(metrics)?.[1] ?? 0);
  return {
    heapMb: megabytes(metric("nodejs_heap_size_used_bytes")),
    rssMb: megabytes(metric("process_resident_memory_bytes")),
    descriptors: metric("process_open_fds"),
  };
}

/** Checking the laws holds this process up for minutes, which says nothing of the server. */
async function latenciesOf(
  prober: HttpConnection,
  worker: HttpConnection,
  report: GraphqlRequest,
): Promise<Pick<Sample, "healthMs" | "updateMs">> {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const [healthMs, updateMs] = await Promise.all([
    slowest(() => prober.request({ path: "/health" })),
    slowest(() => worker.post(report)),
  ]);
  delay.disable();
  return delay.max / 1e6 > OWN_DELAY_MS_MAX ? {} : { healthMs, updateMs };
}

const OWN_DELAY_MS_MAX = 50;

/** The slowest of some requests, in milliseconds. */
async function slowest(request: () => Promise<unknown>): Promise<number> {
  let ms = 0;
  for (let asked = 0; asked < 20; asked++) {
    const from = performance.now();
    await request();
    ms = Math.max(ms, performance.now() - from);
    await setTimeout(25);
  }
  return Math.round(ms * 10) / 10;
}

/** The bytes of a folder's files, without those that fill the disk. */
function bytesIn(folder: string): number {
  const files = readdirSync(folder).filter((name) => name !== "filler");
  return files.reduce((bytes, name) => bytes + statSync(`${folder}/${name}`).blocks * 512, 0);
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e5) / 10;
}
