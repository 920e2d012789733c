/** Reports a running command as a job: its output as progress, its exit as the end of the job. */
import { connect, type Job } from "../../client/index.js";
import type { RunOptions } from "../commands/run.js";
import type { TidemarkError } from "../../protocol/tidemark-error.js";
import { DELAY_MAX_MS } from "../../util/clock.js";
import { errorText } from "../render/error-text.js";
import { sanitizeForTerminal } from "../render/sanitize.js";
import { generateJobId, formatCommand } from "./command-line.js";
import type { Command, CommandExit } from "./command.js";
import { OutputReporter, initialTree } from "./output-reporter.js";
import { OutputReader } from "./output-reader.js";
import { passThrough } from "./pass-through.js";
import { OutputSampler } from "./output-sampler.js";

/**
 * Resolves with the command's exit. If the server has stored the job, first waits up to 5 s for it to store the end; if
 * the server never answered, does not wait.
 */
export async function reportCommand(
  command: Command,
  options: RunOptions,
  interruptedBy: () => NodeJS.Signals | undefined,
): Promise<CommandExit> {
  const job = jobOf(options);
  const reporter = new OutputReporter(job);
  const ack = new ServerAck(job);
  const stopCanceling = cancelWith(job, command, options.killAfterMs);
  const outputs = [
    copyAndRead(command.stdout, process.stdout, reporter),
    copyAndRead(command.stderr, process.stderr, reporter),
  ];
  const end = await command.ended;
  stopCanceling();
  await Promise.all(outputs.map((finish) => finish()));
  if (end.kind === "NOT_STARTED") note(failureOf(end, options, reporter));
  const endedAt = performance.now();
  await endJob(job, end, interruptedBy(), () => failureOf(end, options, reporter));
  await ack.waitForEnd(Math.max(0, endedAt + END_TIMEOUT_MS - performance.now()));
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
  if (isVerbose) note(`job ${jobId}, in database ${server.database} at ${server.url}`);
  const onError = (error: TidemarkError): void => {
    if (isVerbose || isRejection(error)) note(`the job is not reported: ${errorText(error)}`);
  };
  const tidemark = connect({ ...server, onError, endsJobsOnExit: false }); // the job ends with the command
  return tidemark.job({ jobId, username }, initialTree(name ?? formatCommand(command)));
}

/** Whether the user has to fix the cause. If the server is only unreachable, the SDK reconnects. */
function isRejection({ code }: TidemarkError): boolean {
  return code === "UNAUTHENTICATED" || code === "FORBIDDEN" || code === "BAD_USER_INPUT";
}

function note(text: string): void {
  process.stderr.write(`tidemark: ${sanitizeForTerminal(text)}\n`);
}

/** Copies an output and reads its progress. Call the returned function after the command's exit. */
function copyAndRead(
  source: Command["stdout"],
  target: NodeJS.WriteStream,
  reporter: OutputReporter,
): () => Promise<void> {
  const sampler = new OutputSampler(new OutputReader(reporter), () => reporter.show());
  const finish = passThrough(source, target, (bytes) => sampler.write(bytes));
  return async () => {
    await finish();
    sampler.end();
  };
}

/** Ends the command after a cancel request: SIGTERM, then SIGKILL. Returns a function that stops listening. */
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

/** Ends the job. After a cancel request or a terminating signal, a failed command is CANCELED instead of FAILED. */
async function endJob(
  job: Job,
  end: CommandExit,
  interruptedBy: NodeJS.Signals | undefined,
  failure: () => string,
): Promise<void> {
  const isSuccess = end.kind === "EXITED" && end.code === 0;
  if (!isSuccess && interruptedBy) job.cancel(`Interrupted by ${interruptedBy}`);
  const ending = new Error(isSuccess ? "" : failure());
  await job
    .run(() => {
      if (!isSuccess) throw ending;
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

/** Tracks whether the server has stored a job. */
class ServerAck {
  readonly #job: Job;
  #isStored = false;

  constructor(job: Job) {
    this.#job = job;
    job.flush({ timeoutMs: DELAY_MAX_MS }).then(
      () => (this.#isStored = true),
      () => {}, // rejected: `onError` reports it
    );
  }

  /** Waits until the server has stored the end of the job, if it has stored the job. */
  async waitForEnd(timeoutMs: number): Promise<void> {
    if (this.#isStored) await this.#job.flush({ timeoutMs }).catch(() => {}); // the lease expires instead
  }
}

/** The longest wait for the server to store the end of a job. */
const END_TIMEOUT_MS = 5_000;
