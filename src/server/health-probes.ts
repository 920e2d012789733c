import type { ServerResponse } from "node:http";
import { answerJson } from "./http/json-response.js";

/** The phase of a server's life cycle. */
export type Phase = "starting" | "ready" | "stopping";

/** A defect that an operator must mend. */
export interface Problem {
  /** Says what is wrong, to any client. */
  readonly reason: string;
  /** Says it for each database by name, for callers that may see all of them. */
  readonly details?: readonly string[];
  /** Whether the server can't serve because of it. A server that serves in part stays ready. */
  readonly isFatal: boolean;
}

/** Answers health probes: `/health` for liveness, `/ready` for whether the server can serve and write, and why not. */
export class HealthProbes {
  #phase: Phase = "starting";
  readonly #sources: ProblemSources;

  constructor(sources: ProblemSources) {
    this.#sources = sources;
  }

  enter(phase: Phase): void {
    this.#phase = phase;
  }

  answerAlive(response: ServerResponse): void {
    answerJson(response, 200, { status: "alive" });
  }

  /**
   * Answers `/ready`: 200, or 503 while starting or stopping, when the journal is not writable, and for a fatal
   * problem. Other problems are listed with 200, because a load balancer must not take a server away from the clients
   * that it serves.
   * @param showsDetails whether the caller may see the names of all databases
   */
  async answerReady(response: ServerResponse, showsDetails: boolean): Promise<void> {
    if (this.#phase !== "ready") return answerJson(response, 503, { status: this.#phase });
    const isWritable = await this.#sources.isWritable(); // first, because it may solve a problem
    const found = await this.#sources.problems();
    const texts = found.flatMap(({ reason, details }) => (showsDetails && details) || reason);
    const problems = [...new Set(texts)]; // several databases may have the same
    const status = isWritable ? servingStatus(found) : "not writable";
    answerJson(
      response,
      status === "ready" ? 200 : 503,
      problems.length > 0 ? { status, problems } : { status },
    );
  }
}

function servingStatus(problems: readonly Problem[]): string {
  return problems.some(({ isFatal }) => isFatal) ? "not serving" : "ready";
}

interface ProblemSources {
  /** Whether the journal accepts writes now. */
  isWritable(): Promise<boolean>;
  problems(): Promise<readonly Problem[]>;
}
