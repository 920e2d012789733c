import { connect, leaf, task, watch, type Task, type Watch } from "../../../src/client/index.js";

/**
 * A well-behaved client: it reports with the SDK, watches its own job, and takes the next step after receiving
 * the previous one.
 */
export class ControlClient implements AsyncDisposable {
  /** Steps that it has received. */
  steps = 0;
  /** The longest step, in milliseconds. */
  stepMsMax = 0;
  /** Rejects when a request is refused or a step takes too long; resolves when the client is disposed of. */
  readonly failed: Promise<unknown>;
  readonly #watching: Watch;
  #refuse: (error: unknown) => void = () => {};
  #isOver = false;

  /** Resolves after the first step arrived. */
  static async start(url: string, token: string): Promise<ControlClient> {
    const control = new ControlClient(url, token);
    await Promise.race([control.#receives(1), control.failed]);
    return control;
  }

  private constructor(url: string, token: string) {
    const refused = new Promise<never>((_, reject) => {
      this.#refuse = reject;
    });
    const tidemark = connect({
      url,
      token,
      database: DATABASE,
      intervalMs: 5,
      onError: (error) => this.#refuse(error),
    });
    this.#watching = watch({ url, token, database: DATABASE });
    const job = tidemark.job({ jobId: "steady" }, task("Mean well", leaf("step")));
    const work = job.run((root) => root.run("step", (step) => this.#work(step)));
    this.failed = Promise.race([work, refused]);
    this.failed.catch(() => {}); // callers that race it see the error
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.failed.catch(() => {});
    this.#watching.close();
  }

  async #work(step: Task): Promise<void> {
    while (!this.#isOver) {
      const begunAt = performance.now();
      step.advance(1);
      await this.#receives(this.steps + 1);
      this.steps++;
      this.stepMsMax = Math.max(this.stepMsMax, performance.now() - begunAt);
    }
  }

  #receives(steps: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => reject(new Error(`step ${steps} did not arrive`)), STEP_MS_MAX);
      const look = (): void => {
        if (this.#shown < steps) return;
        clearTimeout(timeout);
        stop();
        resolve();
      };
      const stop = this.#watching.onChange(look);
      look();
    });
  }

  /** Steps visible in the watched job. */
  get #shown(): number {
    const [job] = this.#watching.jobs.values();
    return job?.task.subTasks[0]?.progress.done ?? 0;
  }
}

const DATABASE = "control";

/** A well-behaved client must not wait longer. */
const STEP_MS_MAX = 20_000;
