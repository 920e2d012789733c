/**
 * Reports the end of the open jobs when their process ends, so that watchers need not wait for the lease.
 *
 *     signal (SIGINT, SIGTERM, SIGHUP) ─► CANCELED, sent before the process raises the signal again
 *     event loop empty                 ─► FAILED, sent like every end
 *     process.exit, uncaught error     ─► FAILED, sent by a thread while the exit waits
 *
 * The process must end as it would without the SDK: with the same exit code, signal and output. So a signal for which
 * the program has a listener is left to the program, a second signal ends the process at once, and each wait is limited.
 * All connections of a process share the listeners, because Node.js warns about more than ten of a kind, and there are none
 * while no job is open.
 */
import { ReportJobsDocument, StoreJobDocument, type UpdateTaskInput } from "../generated/graphql.js";
import type { HttpTransport, PreparedRequest } from "../transport/http-transport.js";
import { isNode } from "../platform.js";
import { failureReason } from "./failure-reason.js";
import type { JobSync } from "./job-sync.js";
import type { EndStatus } from "./task-state.js";

/** The open jobs of one connection. */
export interface ExitingJobs {
  readonly jobs: ReadonlySet<JobSync>;
  readonly transport: HttpTransport;
  /** Whether the server takes no reports, so that nothing should wait for it. */
  readonly isAbsent: boolean;
  /** Whether the jobs end with the process. If not, it only sends their progress. */
  readonly endsJobs: boolean;
  /** Sends what is unreported. */
  flushIdle(): void;
  /** Resolves when the server has stored the job's end, or is absent. */
  waitForEnd(job: JobSync): Promise<void>;
}

/** The longest time that an end of the process waits for the server, milliseconds. */
const EXIT_DELAY_MAX_MS = 1_000;
/** A thread starts in 50 ms, but not on a machine that has far too much to do. */
const THREAD_START_MAX_MS = 3_000;
const INPUTS_PER_REQUEST = 500;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const watched = new Set<ExitingJobs>();
/** Those of `watched` whose jobs end with the process. */
const ending = new Set<ExitingJobs>();
/** The error that is about to end the process. */
let fatal: { readonly error: unknown } | undefined;
let isEnding = false;

/** Ends the jobs when the process ends, until the returned function is called. */
export function watchExit(exiting: ExitingJobs): () => void {
  if (watched.size === 0) process.on("beforeExit", onBeforeExit);
  watched.add(exiting);
  if (exiting.endsJobs && isNode && ending.add(exiting).size === 1) startListening();
  return () => {
    if (watched.delete(exiting) && watched.size === 0) process.off("beforeExit", onBeforeExit);
    if (ending.delete(exiting) && ending.size === 0) stopListening();
  };
}

function startListening(): void {
  process.on("exit", onExit);
  process.on("uncaughtExceptionMonitor", onUncaught);
  if (!process.getBuiltinModule("node:worker_threads").isMainThread) return; // other threads receive no signals
  process.on("newListener", onListenersChanged);
  process.on("removeListener", onListenersChanged);
  SIGNALS.forEach(listenIfAlone);
}

function stopListening(): void {
  process.off("newListener", onListenersChanged);
  process.off("removeListener", onListenersChanged);
  for (const signal of SIGNALS) process.off(signal, onSignal);
  process.off("exit", onExit);
  process.off("uncaughtExceptionMonitor", onUncaught);
}

/** Waits for the change: without any listener for a moment, Node.js would stop to receive the signal. */
function onListenersChanged(event: string | symbol, listener: unknown): void {
  const changed = SIGNALS.find((signal) => signal === event);
  if (changed && listener !== onSignal) queueMicrotask(() => listenIfAlone(changed));
}

/**
 * Leaves the signal to the program if it has a listener. Some libraries even end the process only if no listener but
 * theirs exists.
 */
function listenIfAlone(signal: NodeJS.Signals): void {
  const others = process.listeners(signal).filter((listener) => listener !== onSignal);
  process.off(signal, onSignal);
  if (others.length === 0 && ending.size > 0 && !isEnding) process.on(signal, onSignal);
}

/** From here on, a further signal ends the process at once, because nothing listens. */
async function onSignal(signal: NodeJS.Signals): Promise<void> {
  isEnding = true;
  for (const one of SIGNALS) process.off(one, onSignal);
  const ends = openJobs().map(({ job, exiting }) => {
    end(job, "CANCELED", `Interrupted by ${signal}`);
    return exiting.waitForEnd(job);
  });
  await Promise.race([
    Promise.allSettled(ends),
    new Promise((resolve) => setTimeout(resolve, EXIT_DELAY_MAX_MS)),
  ]);
  process.kill(process.pid, signal);
}

/** The requests keep the process alive, and so does the end of a job until the server has stored it. */
function onBeforeExit(): void {
  for (const exiting of watched) exiting.flushIdle();
  for (const { job } of storedJobs())
    end(job, "FAILED", "The process had no work left and exited while the job was running");
}

function onUncaught(error: unknown): void {
  fatal = { error };
  setImmediate(() => (fatal = undefined)).unref(); // the program has handled it
}

function onExit(code: number): void {
  const reason = fatal
    ? failureReason(fatal.error)
    : `The process exited with code ${code} while the job was running`;
  try {
    for (const { job, exiting } of openJobs()) if (!exiting.isAbsent) end(job, "FAILED", reason);
    sendNow();
  } catch {
    // The exit goes on, and the lease reveals the end.
  }
}

function end(job: JobSync, status: EndStatus, reason: string): void {
  job.root.end(status, reason);
}

interface OpenJob {
  readonly job: JobSync;
  readonly exiting: ExitingJobs;
}

function openJobs(): OpenJob[] {
  return [...ending].flatMap((exiting) =>
    [...exiting.jobs].filter((job) => !job.hasEnded && !job.isInactive).map((job) => ({ job, exiting })),
  );
}

/** The open jobs for which a wait makes sense. */
function storedJobs(): OpenJob[] {
  return openJobs().filter(({ job, exiting }) => job.stored && !exiting.isAbsent);
}

/** Sends what is unreported while this thread waits, because no promise settles any more. */
function sendNow(): void {
  const sequences = [...ending].filter(({ isAbsent }) => !isAbsent).flatMap(requestsOf);
  if (sequences.length === 0) return;
  const { Worker } = process.getBuiltinModule("node:worker_threads");
  const done = new Int32Array(new SharedArrayBuffer(4));
  const workerData = { sequences, done, limitMs: EXIT_DELAY_MAX_MS };
  const options = { eval: true, workerData, execArgv: [], env: {}, stdin: true, stdout: true, stderr: true };
  new Worker(SEND_AND_NOTIFY, options).unref();
  Atomics.wait(done, 0, 0, THREAD_START_MAX_MS);
  Atomics.wait(done, 0, 1, EXIT_DELAY_MAX_MS);
}

const SEND_AND_NOTIFY = `
  const { sequences, done, limitMs } = require("node:worker_threads").workerData;
  const advance = () => {
    Atomics.add(done, 0, 1);
    Atomics.notify(done, 0);
  };
  const send = async (servers, options) => {
    for (const url of servers) {
      const signal = AbortSignal.timeout(limitMs / servers.length);
      const response = await fetch(url + "/graphql", { ...options, signal }).catch(() => ({ status: 503 }));
      if (response.status !== 503) return;
    }
  };
  advance();
  const sent = sequences.map(async (requests) => {
    for (const { servers, ...options } of requests) await send(servers, options);
  });
  Promise.allSettled(sent).then(advance);`;

/** Sequences that are sent at the same time. */
function requestsOf({ jobs, transport }: ExitingJobs): PreparedRequest[][] {
  const ended = [...jobs].filter((job) => job.hasEnded);
  const inputs = ended.filter((job) => job.isReportable).flatMap(finalInputs);
  const sequences = ended
    .filter((job) => job.needsStore)
    .map((job) => [
      transport.prepare(StoreJobDocument, { input: job.takeStoreRequest() }), // the server ignores a repetition
      transport.prepare(ReportJobsDocument, { inputs: [rootEnd(job)] }),
    ]);
  for (let from = 0; from < inputs.length; from += INPUTS_PER_REQUEST) {
    const variables = { inputs: inputs.slice(from, from + INPUTS_PER_REQUEST) };
    sequences.push([transport.prepare(ReportJobsDocument, variables)]);
  }
  return sequences;
}

/** If tasks must be added first, only the end of the root is sent. */
function finalInputs(job: JobSync): readonly UpdateTaskInput[] {
  return job.hasTasksToAdd ? [rootEnd(job)] : job.takeFinalReports();
}

/** The end of the root ends the tasks that the server knows. */
function rootEnd(job: JobSync): UpdateTaskInput {
  const { status, message } = job.root;
  return { ...job.heartbeat(), updates: [{ path: "", status, message }] };
}
