/** A running command as a job: what it prints is read, and its end is the job's. */
import { connect, type Job } from "../../client/index.js";
import type { RunOptions } from "../commands/run.js";
import type { TidemarkError } from "../../protocol/tidemark-error.js";
import { DELAY_MAX_MS } from "../../util/clock.js";
import { harmless } from "../render/harmless.js";
import { jobIdOf, textOf } from "./command-line.js";
import type { Command, CommandEnd } from "./command.js";
import { JobReport, treeOf } from "./job-report.js";
import { OutputReader } from "./output-reader.js";
import { passThrough } from "./pass-through.js";
import { Sampled } from "./sampled.js";

/**
 * Resolves with the command's end once the server knows of it. A server that has never answered is not waited for, one
 * that knows the job for 5 s.
 */
export async function reportCommand(
  command: Command,
  options: RunOptions,
  interruptedBy: () => NodeJS.Signals | undefined,
): Promise<CommandEnd> {
  const job = jobOf(options);
  const report = new JobReport(job);
  const knowledge = new Knowledge(job);
  const stopCanceling = cancelWith(job, command, options.killAfterMs);
  const outputs = [
    through(command.stdout, process.stdout, report),
    through(command.stderr, process.stderr, report),
  ];
  const end = await command.ended;
  stopCanceling();
  await Promise.all(outputs.map((finish) => finish()));
  if (end.kind === "NOT_STARTED") tell(failureOf(end, options, report));
  const endedAt = performance.now();
  await endJob(job, end, interruptedBy(), () => failureOf(end, options, report));
  await knowledge.ofEnd(Math.max(0, endedAt + END_TIMEOUT_MS - performance.now()));
  return end;
}

function jobOf({
  command,
  server,
  name,
  jobId = jobIdOf(command, new Date()),
  username,
  isVerbose,
}: RunOptions): Job {
  if (isVerbose) tell(`job ${jobId}, in database ${server.database} at ${server.url}`);
  const onError = (error: TidemarkError): void => {
    if (isVerbose || isRefused(error)) tell(`the job is not reported: ${error.message}`);
  };
  const tidemark = connect({ ...server, onError });
  return tidemark.job({ jobId, username }, treeOf(name ?? textOf(command)));
}

/** Somebody has to mend what is asked of the server, while one that is away comes back by itself. */
function isRefused({ code }: TidemarkError): boolean {
  return code === "UNAUTHENTICATED" || code === "FORBIDDEN" || code === "BAD_USER_INPUT";
}

function tell(text: string): void {
  process.stderr.write(`tidemark: ${harmless(text)}\n`);
}

/** Lets an output through and reads it; what is returned finishes that. */
function through(
  source: Command["stdout"],
  target: NodeJS.WriteStream,
  report: JobReport,
): () => Promise<void> {
  const sampled = new Sampled(new OutputReader(report), () => report.show());
  const finish = passThrough(source, target, (bytes) => sampled.write(bytes));
  return async () => {
    await finish();
    sampled.end();
  };
}

/** Whoever wants the job to stop has the command end, in the end by force. Returns what stops that. */
function cancelWith(job: Job, command: Command, killAfterMs: number): () => void {
  let timer: NodeJS.Timeout | undefined;
  const cancel = (): void => {
    command.kill("SIGTERM");
    timer = setTimeout(() => command.kill("SIGKILL"), killAfterMs);
  };
  job.signal.addEventListener("abort", cancel, { once: true });
  return () => {
    clearTimeout(timer);
    job.signal.removeEventListener("abort", cancel);
  };
}

/** An end that was asked for, on the server or by a signal, is no failure. */
async function endJob(
  job: Job,
  end: CommandEnd,
  interruptedBy: NodeJS.Signals | undefined,
  failure: () => string,
): Promise<void> {
  const isWell = end.kind === "EXITED" && end.code === 0;
  if (!isWell && interruptedBy) job.cancel(`Interrupted by ${interruptedBy}`);
  const ending = new Error(isWell ? "" : failure());
  await job
    .run(() => {
      if (!isWell) throw ending;
    })
    .catch((error: unknown) => {
      if (error !== ending) throw error;
    });
}

function failureOf(end: CommandEnd, { command: [program] }: RunOptions, { lastLines }: JobReport): string {
  if (end.kind === "NOT_STARTED")
    return `${program}: ${end.isFound ? "can't be executed" : "command not found"}`;
  const how = end.kind === "KILLED" ? `Killed by ${end.signal}` : `Exit code ${end.code}`;
  return lastLines.text === "" ? how : `${how}: ${lastLines.text}`;
}

/** What the server knows of a job. */
class Knowledge {
  readonly #job: Job;
  #isStored = false;

  constructor(job: Job) {
    this.#job = job;
    job.flush({ timeoutMs: DELAY_MAX_MS }).then(
      () => (this.#isStored = true),
      () => {}, // it is refused, which `onError` tells
    );
  }

  /** Waits until the server knows how it has ended, if it knows of the job at all. */
  async ofEnd(timeoutMs: number): Promise<void> {
    if (this.#isStored) await this.#job.flush({ timeoutMs }).catch(() => {}); // its lease will tell
  }
}

/** For so long a server that knows the job may take to learn of its end. */
const END_TIMEOUT_MS = 5_000;
