import { connect, leaf, task, watch, type Task, type Watch } from "../../../src/client/index.js";

/**
 * A client that means well: it reports with the SDK, watches what it reports, and takes the next step once it was
 * told of the one before.
 */
export class ControlClient implements AsyncDisposable {
  /** Steps that it was told of. */
  steps = 0;
  /** How long one of them took at most, milliseconds. */
  stepMsMax = 0;
  /** Rejects when it is refused something, or a step takes too long; resolves when it is given up. */
  readonly failed: Promise<unknown>;
  readonly #watching: Watch;
  #refuse: (error: unknown) => void = () => {};
  #isOver = false;

  /** Resolves when it was told of a first step. */
  static async start(url: string, token: string): Promise<ControlClient> {
    const goodwill = new ControlClient(url, token);
    await Promise.race([goodwill.#told(1), goodwill.failed]);
    return goodwill;
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
    this.failed.catch(() => {}); // whoever races it hears of it
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
      await this.#told(this.steps + 1);
      this.steps++;
      this.stepMsMax = Math.max(this.stepMsMax, performance.now() - begunAt);
    }
  }

  #told(steps: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => reject(new Error(`step ${steps} was not told`)), STEP_MS_MAX);
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

  /** Steps that are in what is watched. */
  get #shown(): number {
    const [job] = this.#watching.jobs.values();
    return job?.task.subTasks[0]?.progress.done ?? 0;
  }
}

const DATABASE = "goodwill";

/** Nobody who means well waits for longer. */
const STEP_MS_MAX = 20_000;
