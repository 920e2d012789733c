import type { WatchedTask, WatchEvent } from "../../client/index.js";
import type { WatchRequest } from "../commands/watch.js";
import { EXIT, ExitError } from "../exit-codes.js";
import { notFound } from "./find-job.js";

/**
 * When a watch for one job is over: once every job with this id has ended, whoever's they are, or when there is none.
 * Before all has been told nothing is judged.
 */
export class JobWait {
  readonly #request: WatchRequest;
  /** Roots by the job's `id`, as they were told. */
  readonly #roots = new Map<string, WatchedTask>();
  #isCaughtUp = false;
  #hasSeenOne = false;

  constructor(request: WatchRequest) {
    this.#request = request;
  }

  /** To be called with each event once it was shown. @throws ExitError when it is over, with the code that tells how. */
  check(event: WatchEvent): void {
    this.#apply(event);
    if (this.#request.jobId === undefined || !this.#isCaughtUp) return;
    if (this.#roots.size > 0) throwIfEnded([...this.#roots.values()]);
    else this.#throwIfMissing(event);
  }

  #apply(event: WatchEvent): void {
    switch (event.kind) {
      case "Reset":
        this.#roots.clear();
        this.#isCaughtUp = false;
        return;
      case "CaughtUp":
        this.#isCaughtUp = true;
        return;
      case "TaskRemoved":
        this.#roots.delete(event.job.id);
        return;
      case "TaskStored":
      case "TaskUpdated":
        this.#roots.set(event.job.id, event.job.task);
        this.#hasSeenOne = true;
    }
  }

  #throwIfMissing(event: WatchEvent): void {
    const { server, jobId, username, wait } = this.#request;
    if (event.kind === "TaskRemoved")
      throw new ExitError(EXIT.NOT_FOUND, `the job was removed (${event.reason})`);
    if (this.#hasSeenOne) throw new ExitError(EXIT.NOT_FOUND, "the job is gone");
    if (!wait)
      throw notFound({
        database: server.database,
        jobId: jobId!,
        ...(username !== undefined && { username }),
      });
  }
}

/** A failure counts more than a cancel, and that more than a finish. */
function throwIfEnded(roots: readonly WatchedTask[]): void {
  if (roots.some(({ endedAt }) => endedAt === null)) return;
  if (roots.some(({ status }) => status === "FAILED")) throw new ExitError(EXIT.JOB_FAILED);
  if (roots.some(({ status }) => status === "CANCELED")) throw new ExitError(EXIT.JOB_CANCELED);
  throw new ExitError(EXIT.OK);
}
