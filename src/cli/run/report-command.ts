/** Reports a running command as a job: its output as progress, its exit as the end of the job. */
import { connect, type Job, type ServerMove } from "../../client/index.js";
import type { RunOptions } from "../commands/run.js";
import type { TidemarkError } from "../../protocol/tidemark-error.js";
import { DELAY_MAX_MS } from "../../util/clock.js";
import { serverErrorText } from "../actions/server-error.js";
import { moveText } from "../render/move-text.js";
import { generateJobId, shellHint } from "./command-line.js";
import type { Command, CommandExit, CommandLine } from "./command.js";
import { OutputReporter, initialTree } from "./output-reporter.js";
import { OutputReader } from "./output-reader.js";
import { passThrough } from "./pass-through.js";
import { OutputSampler } from "./output-sampler.js";
import { ReportingNotes } from "./reporting-notes.js";

/**
 * Resolves with the command's exit. If the server has stored the job, first waits up to 5 s for it to store the end; if
 * the server never answered, does not wait.
 */
export async function reportCommand(
  command: Command,
  options: RunOptions,
  interruptedBy: () => NodeJS.Signals | undefined,
): Promise<CommandExit> {
  const startedAt = performance.now();
  const notes = new ReportingNotes(process.stderr, options);
  const job = jobOf(options, notes);
  const reporter = new OutputReporter(job);
  const ack = new ServerAck(job, () => notes.onStored(job.url));
  const stopCanceling = cancelWith(job, command, options.killAfterMs);
  const outputs = [
    copyAndRead(command.stdout, process.stdout, reporter, notes),
    copyAndRead(command.stderr, process.stderr, reporter, notes),
  ];
  const end = await command.ended;
  stopCanceling();
  await Promise.all(outputs.map((finish) => finish()));
  notes.onOutputEnd();
  if (end.kind === "NOT_STARTED") notes.note(failureOf(end, options, reporter));
  const endedAt = performance.now();
  await endJob(job, end, interruptedBy(), () => failureOf(end, options, reporter));
  const isEndStored = await ack.waitForEnd(Math.max(0, endedAt + END_TIMEOUT_MS - performance.now()));
  if (!isEndStored) notes.onUnreported();
  else if (isSuccess(end) && endedAt - startedAt > LONG_MS && reporter.isWithoutProgress)
    notes.onWithoutProgress();
  return end;
}

function jobOf(options: RunOptions, notes: ReportingNotes): Job {
  const { command, server, name, username, isVerbose } = options;
  const { url, token, database } = server;
  const { jobId = generateJobId(command, new Date()) } = options;
  if (isVerbose) notes.note(`job ${jobId}, in database ${database} at ${url}`);
  const onError = (error: TidemarkError, rejected?: Job): void =>
    notes.onProblem(problemText(error, jobId, server), rejected !== undefined || isRejection(error));
  const onMoved = (move: ServerMove): void => notes.onMoved(moveText(move));
  const tidemark = connect({ url, token, database, onError, onMoved, endsJobsOnExit: false }); // the job ends with the command
  return tidemark.job({ jobId, username }, initialTree(command, name));
}

function problemText(error: TidemarkError, jobId: string, server: RunOptions["server"]): string {
  if (error.code !== "STALE_ATTEMPT") return serverErrorText(error, server);
  return `Another worker uses the job id ${jobId} (a second "tidemark run"?). Give each its own --job.`;
}

/** Whether the user has to fix the cause. If the server is only unreachable, the SDK reconnects. */
function isRejection({ code }: TidemarkError): boolean {
  return code === "UNAUTHENTICATED" || code === "FORBIDDEN" || code === "BAD_USER_INPUT";
}

/** Copies an output and reads its progress. Call the returned function after the command's exit. */
function copyAndRead(
  source: Command["stdout"],
  target: NodeJS.WriteStream,
  reporter: OutputReporter,
  notes: ReportingNotes,
): () => Promise<void> {
  const sampler = new OutputSampler(new OutputReader(reporter), () => reporter.show());
  const onBytes = (bytes: Uint8Array): void => {
    notes.afterOutput(target, bytes);
    sampler.write(bytes);
  };
  const finish = passThrough(source, target, onBytes, (bytes) => notes.beforeOutput(target, bytes));
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
  const isFinished = isSuccess(end);
  if (!isFinished && interruptedBy) job.cancel(`Interrupted by ${interruptedBy}`);
  const ending = new Error(isFinished ? "" : failure());
  await job
    .run(() => {
      if (!isFinished) throw ending;
    })
    .catch((error: unknown) => {
      if (error !== ending) throw error;
    });
}

function isSuccess(end: CommandExit): boolean {
  return end.kind === "EXITED" && end.code === 0;
}

function failureOf(end: CommandExit, { command }: RunOptions, { lastLines }: OutputReporter): string {
  if (end.kind === "NOT_STARTED") return notStartedText(command, end.isFound);
  const how = end.kind === "KILLED" ? `Killed by ${end.signal}` : `Exit code ${end.code}`;
  return lastLines.text === "" ? how : `${how}: ${lastLines.text}`;
}

function notStartedText(command: CommandLine, isFound: boolean): string {
  const [program] = command;
  if (isFound) return `${program}: can't be executed`;
  return [`${program}: command not found`, shellHint(command)]
    .filter((text) => text !== undefined)
    .join(". ");
}

/** Tracks whether the server has stored a job. */
class ServerAck {
  readonly #job: Job;
  #isStored = false;

  constructor(job: Job, onStored: () => void) {
    this.#job = job;
    const acknowledge = (): void => {
      this.#isStored = true;
      onStored();
    };
    job.flush({ timeoutMs: DELAY_MAX_MS }).then(acknowledge, () => {}); // rejected: `onError` reports it
  }

  /** If the server has stored the job, waits until it has stored the end. Returns whether it has. */
  async waitForEnd(timeoutMs: number): Promise<boolean> {
    if (!this.#isStored) return false;
    return await this.#job.flush({ timeoutMs }).then(
      () => true,
      () => false, // the lease expires instead
    );
  }
}

/** People miss a bar only for a command that runs for longer than this. */
const LONG_MS = 3_000;
/** The longest wait for the server to store the end of a job. */
const END_TIMEOUT_MS = 5_000;
