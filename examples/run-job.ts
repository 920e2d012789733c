/**
 * What makes a program a job that can be trusted: whatever becomes of the work, its root ends as what happened.
 *
 *     work returns ─► FINISHED     work throws ─► FAILED, with the reason     told to stop ─► CANCELED
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { JobOptions } from "./options.js";
import { Reporter, type TaskInput } from "./reporter.js";

/** Sends what was collected and waits as long as `--delay-ms` says; returns at once when it says 0. */
export type Pause = () => Promise<void>;

type Work = (reporter: Reporter, pause: Pause) => Promise<void>;

/**
 * Stores `task`, does `work` and reports how it ended. SIGINT, a cancel request and a closed stdout stop it at
 * its next report or pause. Never throws: it says what happened on stderr and sets the exit code.
 */
export async function runJob(options: JobOptions, task: TaskInput, work: Work): Promise<void> {
  try {
    const { url, database, username, jobId } = options;
    const reporter = await Reporter.storeTask(url, { database, username, jobId, task });
    const { job } = reporter;
    console.error(
      `Job ${job.jobId}, attempt ${job.attempt}, of ${job.username} in database ${job.database} at ${url}`,
    );
    stopOnSignals(reporter.stop);
    await workToTheEnd(reporter, () => work(reporter, () => pause(reporter, options.delayMs)));
  } catch (error) {
    console.error(messageOf(error));
    process.exitCode ??= 1;
  }
}

function stopOnSignals(stop: AbortController): void {
  // Not `once`: under `npm run` one Ctrl-C arrives twice, and the second would end us before we have reported.
  process.on("SIGINT", () => {
    process.exitCode = 130;
    stop.abort(new Error("Canceled by SIGINT"));
  });
  process.stdout.on("error", ({ message }) => stop.abort(new Error(`Nobody reads the output: ${message}`)));
}

async function workToTheEnd(reporter: Reporter, work: () => Promise<void>): Promise<void> {
  try {
    await work();
    await reporter.updateTask({ path: "", status: "FINISHED" });
  } catch (error) {
    const { aborted, reason } = reporter.stop.signal;
    const cause: unknown = aborted ? reason : error;
    await reporter
      .end(aborted ? "CANCELED" : "FAILED", messageOf(cause))
      .catch((unreported: unknown) => console.error(`Its end was not reported. ${messageOf(unreported)}`));
    throw cause;
  }
}

async function pause(reporter: Reporter, delayMs: number): Promise<void> {
  if (delayMs === 0) return;
  await reporter.flush();
  await sleep(delayMs, undefined, { signal: reporter.stop.signal });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
