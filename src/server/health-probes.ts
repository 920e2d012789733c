import type { ServerResponse } from "node:http";
import { answerJson } from "./http/json-response.js";

/** Where a server is in its life. */
export type Phase = "starting" | "ready" | "stopping";

/**
 * What an operator's probes ask: `/health` whether the process lives, `/ready` whether it can serve and
 * write. A server that is not ready says why, and keeps answering.
 */
export class HealthProbes {
  #phase: Phase = "starting";
  readonly #isWritable: () => Promise<boolean>;

  /** @param isWritable whether a change could be made durable now. */
  constructor(isWritable: () => Promise<boolean>) {
    this.#isWritable = isWritable;
  }

  enter(phase: Phase): void {
    this.#phase = phase;
  }

  /** Answers `/health`: 200 while the process can answer at all. */
  answerAlive(response: ServerResponse): void {
    answerJson(response, 200, { status: "alive" });
  }

  /** Answers `/ready`: 200, or 503 while starting, while stopping, and when nothing can be written. */
  async answerReady(response: ServerResponse): Promise<void> {
    if (this.#phase !== "ready") return answerJson(response, 503, { status: this.#phase });
    const isWritable = await this.#isWritable();
    answerJson(response, isWritable ? 200 : 503, { status: isWritable ? "ready" : "not writable" });
  }
}
