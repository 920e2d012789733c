/**
 * The reason of a job's aborted signal. A user requested it on the server (`requestCancel`), or the program called
 * `job.cancel`. The job ends CANCELED once its work throws, for example by `signal.throwIfAborted()`.
 */
export class JobCanceled extends Error {
  /** The name that platform APIs use for errors of aborted signals. */
  override readonly name = "AbortError";
  /** The user who requested it; undefined if the program itself did. */
  readonly by: string | undefined;
  /** The reason that was given, if any. */
  readonly reason: string | undefined;

  /** Called by the job. */
  constructor({ by, reason }: { readonly by?: string | undefined; readonly reason?: string | undefined }) {
    super(textOf(by, reason));
    this.by = by;
    this.reason = reason;
  }
}

function textOf(by: string | undefined, reason: string | undefined): string {
  if (by === undefined) return reason ?? "Canceled";
  return `Canceled at the request of ${by}${reason === undefined ? "" : `: ${reason}`}`;
}
