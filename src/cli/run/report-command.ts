/** A running command as a job: what it prints is read, and its end is the job's. */
import { connect, type Job } from "../../client/index.js";
import type { RunOptions } from "../commands/run.js";
import type { TidemarkError } from "../../protocol/tidemark-error.js";
import { DELAY_MAX_MS } from "../../util/clock.js";
import { sanitizeForTerminal } from "../render/sanitize.js";
import { generateJobId, formatCommand } from "./command-line.js";
import type { Command, CommandExit } from "./command.js";
import { OutputReporter, initialTree } from "./output-reporter.js";
import { OutputReader } from "./output-reader.js";
import { passThrough } from "./pass-through.js";
import { OutputSampler } from "./output-sampler.js";

/**
 * Resolves with the command's end once the server knows of it. A server that has never answered is not waited for, one
 * that knows the job for 5 s.
 */
export async function reportCommand(
  command: Command,
  options: RunOptions,
  interruptedBy: () => NodeJS.Signals | undefined,
): Promise<CommandExit> {
  const job = jobOf(options);
  const report = new OutputReporter(job);
  const knowledge = new ServerAck(job);
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
  await knowledge.waitForEnd(Math.max(0, endedAt + END_TIMEOUT_MS - performance.now()));
  return end;
}

function jobOf({
  command,
  server,
  name,
  jobId = generateJobId(command, new Date()),
  username,
  isVerbose,
}: RunOptions): Job {
  if (isVerbose) tell(`job ${jobId}, in database ${server.database} at ${server.url}`);
  const onError = (error: TidemarkError): void => {
    if (isVerbose || isRefused(error)) tell(`the job is not reported: ${error.message}`);
  };
  const tidemark = connect({ ...server, onError });
  return tidemark.job({ jobId, username }, initialTree(name ?? formatCommand(command)));
}

/** Somebody has to mend what is asked of the server, while one that is away comes back by itself. */
function isRefused({ code }: TidemarkError): boolean {
  return code === "UNAUTHENTICATED" || code === "FORBIDDEN" || code === "BAD_USER_INPUT";
}

function tell(text: string): void {
  process.stderr.write(`tidemark: ${sanitizeForTerminal(text)}\n`);
}

/** Lets an output through and reads it; what is returned finishes that. */
function through(
  source: Command["stdout"],
  target: NodeJS.WriteStream,
  report: OutputReporter,
): () => Promise<void> {
  const sampled = new OutputSampler(new OutputReader(report), () => report.show());
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
  end: CommandExit,
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

function failureOf(
  end: CommandExit,
  { command: [program] }: RunOptions,
  { lastLines }: OutputReporter,
): string {
  if (end.kind === "NOT_STARTED")
    return `${program}: ${end.isFound ? "can't be executed" : "command not found"}`;
  const how = end.kind === "KILLED" ? `Killed by ${end.signal}` : `Exit code ${end.code}`;
  return lastLines.text === "" ? how : `${how}: ${lastLines.text}`;
}

/** What the server knows of a job. */
class ServerAck {
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
  async waitForEnd(timeoutMs: number): Promise<void> {
    if (this.#isStored) await this.#job.flush({ timeoutMs }).catch(() => {}); // its lease will tell
  }
}

/** For so long a server that knows the job may take to learn of its end. */
const END_TIMEOUT_MS = 5_000;
