/**
 * Why a job's signal is aborted: somebody asked for it on the server (`requestCancel`), or the program itself
 * (`job.cancel`). Throw it, or let what the signal was given to throw it, and the job ends CANCELED.
 */
export class JobCanceled extends Error {
  /** As of what else is thrown where a signal is aborted. */
  override readonly name = "AbortError";
  /** Who asked; undefined where the program itself did. */
  readonly by: string | undefined;
  /** Why, when that was said. */
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
