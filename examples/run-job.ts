/**
 * Runs a program as a well-behaved job: it prints where it reports, stops when it is canceled, and sets its exit code.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type ParentSpec, type Task, type TidemarkError } from "tidemark-client";
import type { JobOptions } from "./options.js";

/**
 * Waits for `--delay-ms`, or throws when the job is canceled. Even a delay of 0 yields to the event loop; work that
 * never does is reported only at its end.
 */
export type Pause = () => Promise<void>;

type Work = (root: Task, pause: Pause) => Promise<void>;

/**
 * Runs `work` as a job with this tree. SIGINT, a cancel request, another worker that takes over the job, or a closed
 * stdout stop it at its next pause. Never throws: prints errors to stderr and sets the exit code.
 */
export async function runJob(options: JobOptions, tree: ParentSpec, work: Work): Promise<void> {
  const { url, database, username, jobId, delayMs } = options;
  const onError = (error: TidemarkError): void => {
    console.error(`${error.message} (${error.code})`);
    if (error.code === "STALE_ATTEMPT") job.cancel("Another worker took over the job");
  };
  const job = connect({ url, database, username, onError }).job({ jobId }, tree);
  stopOnSignals((reason) => job.cancel(reason));
  console.error(`Watch it at ${job.url}`);
  try {
    await job.run((root) => work(root, () => pause(delayMs, job.signal)));
  } catch (error) {
    const cause: unknown = job.signal.aborted ? job.signal.reason : error;
    console.error(cause instanceof Error ? cause.message : String(cause));
    process.exitCode ??= 1;
  }
}

function stopOnSignals(stop: (reason: string) => void): void {
  // Not `once`: under `npm run`, Ctrl-C arrives twice, and the second would kill the process before its last report.
  process.on("SIGINT", () => {
    process.exitCode = 130;
    stop("Canceled by SIGINT");
  });
  process.stdout.on("error", ({ message }) => stop(`Can't write to stdout: ${message}`));
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(delayMs, undefined, { signal });
}
