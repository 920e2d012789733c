import { startTidemark, type Exit, type Tidemark } from "../process/child-process.js";
import { temporaryFolder } from "../process/temporary-folder.js";

/** A server process that can be killed and restarted at the same address with the same data. */
export class RestartableServer implements AsyncDisposable {
  readonly url: string;
  readonly #flags: readonly string[];
  #tidemark: Tidemark;

  /** Starts the built server, by default with a new folder. */
  static async start(
    flags: readonly string[] = [],
    store = `lmdb:${temporaryFolder()}`,
  ): Promise<RestartableServer> {
    const kept = [...flags, "--store", store];
    return new RestartableServer(await startTidemark(kept), kept);
  }

  private constructor(tidemark: Tidemark, flags: readonly string[]) {
    this.url = tidemark.url;
    this.#tidemark = tidemark;
    this.#flags = flags;
  }

  /** Kills it like `kill -9`; resolves when the process has ended. */
  async kill(): Promise<void> {
    await this.#tidemark[Symbol.asyncDispose]();
  }

  /** Stops it as a supervisor does; resolves when the process has ended. */
  stop(): Promise<Exit> {
    this.#tidemark.program.signal("SIGTERM");
    return this.#tidemark.program.exited;
  }

  /** Restarts it after a kill or a stop; resolves when it is ready. */
  async startAgain(): Promise<void> {
    this.#tidemark = await startTidemark([...this.#flags, "--port", new URL(this.url).port]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
