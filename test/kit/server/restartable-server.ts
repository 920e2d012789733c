import { startTidemark, type Tidemark } from "../process/child-process.js";
import { temporaryFolder } from "../process/temporary-folder.js";

/** A server in a process of its own that can be killed, and started again at the same address on the same data. */
export class RestartableServer implements AsyncDisposable {
  readonly url: string;
  readonly #flags: readonly string[];
  #tidemark: Tidemark;

  /** Starts the built server. */
  static async start(flags: readonly string[] = []): Promise<RestartableServer> {
    const kept = [...flags, "--store", `lmdb:${temporaryFolder()}`];
    return new RestartableServer(await startTidemark(kept), kept);
  }

  private constructor(tidemark: Tidemark, flags: readonly string[]) {
    this.url = tidemark.url;
    this.#tidemark = tidemark;
    this.#flags = flags;
  }

  /** At once, as by kill -9; resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#tidemark[Symbol.asyncDispose]();
  }

  /** After it was killed; resolves when it is ready. */
  async startAgain(): Promise<void> {
    this.#tidemark = await startTidemark([...this.#flags, "--port", new URL(this.url).port]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
