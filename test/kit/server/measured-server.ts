import { Program } from "../process/child-process.js";
import { dataOf } from "../network/raw-http.js";

const REPORT = `mutation ($inputs: [UpdateTaskInput!]!) { updateTasks(inputs: $inputs) { __typename } }`;

/** The built server in a process that reports its own cost. Needs `npm run build`. */
export class MeasuredServer implements AsyncDisposable {
  readonly url: string;
  readonly #program: Program;
  #asked = 1;

  /**
   * @param flags as on the command line, in camel case.
   * @param heapMb the heap of the process; default: that of Node.js.
   */
  static async start(
    flags: Readonly<Record<string, string>> = {},
    { heapMb }: { readonly heapMb?: number | undefined } = {},
  ): Promise<MeasuredServer> {
    const script = [
      "--expose-gc",
      ...(heapMb === undefined ? [] : [`--max-old-space-size=${heapMb}`]),
      "test/kit/server/measured-server.mjs",
      JSON.stringify({ store: "memory:", ...flags }),
    ];
    // With one arena malloc keeps fewer free pages, so that the resident size says more about what is in use.
    const program = Program.node(script, { env: { NODE_ENV: "production", MALLOC_ARENA_MAX: "1" } });
    const { url } = JSON.parse(await program.line(() => true)) as { url: string };
    return new MeasuredServer(program, url);
  }

  private constructor(program: Program, url: string) {
    this.#program = program;
    this.url = url;
  }

  /** Bytes in use after a garbage collection. */
  memory(): Promise<{ readonly rss: number; readonly heap: number }> {
    return this.#ask({ ask: "memory" });
  }

  /** CPU time of the process so far, milliseconds. */
  async cpuMs(): Promise<number> {
    return (await this.#ask<{ ms: number }>({ ask: "cpu" })).ms;
  }

  /** The longest stall of the event loop, and of the garbage collector in it, since the last call. */
  stall(): Promise<{ readonly ms: number; readonly collectedMs: number }> {
    return this.#ask({ ask: "stall" });
  }

  /** Stores jobs `job0`, `job1` … of `user0`, `user1` … in turn. */
  storeJobs(jobs: {
    readonly database: string;
    readonly users: number;
    readonly jobs: number;
    readonly tasks: number;
  }): Promise<{ readonly position: number }> {
    return this.#ask({ ask: "storeJobs", ...jobs });
  }

  /** Reports once on the first leaf of each of the jobs `job0` … of `user0`, in one request. */
  async report(jobs: number, update: { readonly done: number } | { readonly add: number }): Promise<void> {
    const inputs = Array.from({ length: jobs }, (_, at) => ({
      database: "d",
      username: "user0",
      jobId: `job${at}`,
      updates: [{ path: "0", ...update }],
    }));
    await dataOf(this.url, REPORT, { inputs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }

  /** Commands run one after the other. */
  async #ask<T>(command: object): Promise<T> {
    this.#program.write(`${JSON.stringify(command)}\n`);
    return JSON.parse(await this.#program.line(() => true, this.#asked++)) as T; // safe: as the script writes it
  }
}
