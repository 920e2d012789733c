/**
 * What makes a program a job that can be trusted, besides the SDK: it says where it is reported, it stops when it is
 * told to, and its exit code says how it ended.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type ParentSpec, type Task, type TidemarkError } from "tidemark/client";
import type { JobOptions } from "./options.js";

/**
 * Waits as long as `--delay-ms` says, or throws when the job is to stop. Also where it says 0 it lets the event loop turn:
 * work that never does is reported only at its end.
 */
export type Pause = () => Promise<void>;

type Work = (root: Task, pause: Pause) => Promise<void>;

/**
 * Does `work` as a job with this tree. SIGINT, a cancel request, another worker that takes the job over, and a closed
 * stdout stop it at its next pause. Never throws: it says what happened on stderr and sets the exit code.
 */
export async function runJob(options: JobOptions, tree: ParentSpec, work: Work): Promise<void> {
  const { url, database, username, jobId, delayMs } = options;
  const onError = (error: TidemarkError): void => {
    console.error(`${error.message} (${error.code})`);
    if (error.code === "STALE_ATTEMPT") job.cancel("Another worker has taken the job over");
  };
  const job = connect({ url, database, username, onError }).job({ jobId }, tree);
  stopOnSignals((reason) => job.cancel(reason));
  console.error(`Job ${jobId} in database ${database} at ${url}`);
  try {
    await job.run((root) => work(root, () => pause(delayMs, job.signal)));
  } catch (error) {
    const cause: unknown = job.signal.aborted ? job.signal.reason : error;
    console.error(cause instanceof Error ? cause.message : String(cause));
    process.exitCode ??= 1;
  }
}

function stopOnSignals(stop: (reason: string) => void): void {
  // Not `once`: under `npm run` one Ctrl-C arrives twice, and the second would end us before we have reported.
  process.on("SIGINT", () => {
    process.exitCode = 130;
    stop("Canceled by SIGINT");
  });
  process.stdout.on("error", ({ message }) => stop(`Nobody reads the output: ${message}`));
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(delayMs, undefined, { signal });
}
