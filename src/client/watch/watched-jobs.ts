import type { WatchedJob } from "./watched-job.js";

/**
 * Jobs by id, in the order of the server's list: the latest stored first; those of one millisecond by user and job id.
 * The order is computed on demand, and only after a job was stored or removed.
 */
export class WatchedJobs implements ReadonlyMap<string, WatchedJob> {
  readonly #byId = new Map<string, WatchedJob>();
  readonly #byName = new Map<string, WatchedJob>();
  /** Ids in order; undefined until computed. */
  #order: readonly string[] | undefined = [];
  /** Undefined until computed. */
  #snapshot: ReadonlyMap<string, WatchedJob> | undefined;

  get size(): number {
    return this.#byId.size;
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  get(id: string): WatchedJob | undefined {
    return this.#byId.get(id);
  }

  /** The job of a user with this job id. */
  find(username: string, jobId: string): WatchedJob | undefined {
    return this.#byName.get(nameOf({ username, jobId }));
  }

  /** A copy that never changes; the same object until the next change. Computed on demand, as most watches need none. */
  snapshot(): ReadonlyMap<string, WatchedJob> {
    return (this.#snapshot ??= new Map(this));
  }

  put(job: WatchedJob): void {
    this.#snapshot = undefined;
    if (this.#byId.get(job.id)?.storedAt !== job.storedAt) this.#order = undefined;
    this.#byId.set(job.id, job);
    this.#byName.set(nameOf(job), job);
  }

  remove(job: WatchedJob): void {
    this.#snapshot = undefined;
    if (this.#byId.delete(job.id)) this.#order = undefined;
    this.#byName.delete(nameOf(job));
  }

  clear(): void {
    if (this.size > 0) this.#snapshot = undefined;
    this.#byId.clear();
    this.#byName.clear();
    this.#order = [];
  }

  /** Tolerates changes of the map during the iteration. */
  *entries(): MapIterator<[string, WatchedJob]> {
    for (const id of this.#ordered()) {
      const job = this.#byId.get(id);
      if (job) yield [id, job];
    }
  }

  *keys(): MapIterator<string> {
    for (const [id] of this.entries()) yield id;
  }

  *values(): MapIterator<WatchedJob> {
    for (const [, job] of this.entries()) yield job;
  }

  [Symbol.iterator](): MapIterator<[string, WatchedJob]> {
    return this.entries();
  }

  forEach(
    callback: (job: WatchedJob, id: string, jobs: ReadonlyMap<string, WatchedJob>) => void,
    thisArgument?: unknown,
  ): void {
    for (const [id, job] of this.entries()) callback.call(thisArgument, job, id, this);
  }

  #ordered(): readonly string[] {
    return (this.#order ??= [...this.#byId.values()].toSorted(inOrder).map(({ id }) => id));
  }
}

/** RFC 3339 timestamps in UTC with milliseconds sort as text. */
function inOrder(one: WatchedJob, other: WatchedJob): number {
  return (
    compare(other.storedAt, one.storedAt) ||
    compare(one.username, other.username) ||
    compare(one.jobId, other.jobId)
  );
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** Names are compared in Unicode form NFC, which the server stores. */
function nameOf({ username, jobId }: Pick<WatchedJob, "username" | "jobId">): string {
  return JSON.stringify([username.normalize(), jobId.normalize()]);
}
