import type { ServerResponse } from "node:http";
import { answerJson } from "./http/json-response.js";

/** The phase of a server's life cycle. */
export type Phase = "starting" | "ready" | "stopping";

/** Answers health probes: `/health` for liveness, `/ready` for whether the server can serve and write, and why not. */
export class HealthProbes {
  #phase: Phase = "starting";
  readonly #isWritable: () => Promise<boolean>;

  /** @param isWritable whether the journal accepts writes now. */
  constructor(isWritable: () => Promise<boolean>) {
    this.#isWritable = isWritable;
  }

  enter(phase: Phase): void {
    this.#phase = phase;
  }

  answerAlive(response: ServerResponse): void {
    answerJson(response, 200, { status: "alive" });
  }

  /** Answers `/ready`: 200, or 503 while starting or stopping and when the journal is not writable. */
  async answerReady(response: ServerResponse): Promise<void> {
    if (this.#phase !== "ready") return answerJson(response, 503, { status: this.#phase });
    const isWritable = await this.#isWritable();
    answerJson(response, isWritable ? 200 : 503, { status: isWritable ? "ready" : "not writable" });
  }
}
