import type { WatchedTask, WatchEvent } from "../../client/index.js";
import type { WatchRequest } from "../commands/watch.js";
import { EXIT, ExitError } from "../exit-codes.js";
import { notFound } from "./find-job.js";

/**
 * Decides when `watch --job` ends: when all jobs with this id, of any user, have ended, or when there are none. It
 * waits for CaughtUp before it decides.
 */
export class JobWait {
  readonly #request: WatchRequest;
  /** The latest root task of each job, by `id`. */
  readonly #roots = new Map<string, WatchedTask>();
  #isCaughtUp = false;
  #hasSeenOne = false;

  constructor(request: WatchRequest) {
    this.#request = request;
  }

  /** Call this with each event after it was shown. @throws ExitError with the exit code when the watch is over. */
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
    if (this.#hasSeenOne) throw new ExitError(EXIT.NOT_FOUND, "the job no longer exists");
    if (!wait)
      throw notFound({
        database: server.database,
        jobId: jobId!,
        ...(username !== undefined && { username }),
      });
  }
}

/** FAILED takes precedence over CANCELED, and CANCELED over FINISHED. */
function throwIfEnded(roots: readonly WatchedTask[]): void {
  if (roots.some(({ endedAt }) => endedAt === null)) return;
  if (roots.some(({ status }) => status === "FAILED")) throw new ExitError(EXIT.JOB_FAILED);
  if (roots.some(({ status }) => status === "CANCELED")) throw new ExitError(EXIT.JOB_CANCELED);
  throw new ExitError(EXIT.OK);
}
