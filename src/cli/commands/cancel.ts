import type { Command } from "commander";
import type { CancelJobMutation } from "../../client/generated/graphql.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import type { FoundJob } from "../actions/find-job.js";
import type { Output } from "../output.js";
import { userAndJob } from "../render/job-lines.js";
import { sanitizeForTerminal, sanitizedJson } from "../render/sanitize.js";
import type { Env } from "../server-options.js";
import { addJobArgument, type JobFlags, type JobRequest, jobRequestOf } from "./job-request.js";

export interface CancelJobRequest extends JobRequest {
  readonly reason?: string;
}

export type Cancel = (request: CancelJobRequest) => Promise<void>;

/** Adds `cancel`, which asks the worker of a job to stop. */
export function addCancelCommand(program: Command, cancel: Cancel, env: Env): void {
  addJobArgument(program.command("cancel"))
    .description(
      "Ask the worker of a job to stop. The worker receives the request within a second and ends the job.",
    )
    .option("--reason <text>", "Reason, shown to the worker and to watchers")
    .addHelpText("after", EXAMPLES)
    .action((job: string | undefined, { reason, ...flags }: JobFlags & { readonly reason?: string }) =>
      cancel({ ...jobRequestOf(job, flags, env), ...(reason !== undefined && { reason }) }),
    );
}

/** @throws ExitError if the job does not exist, TidemarkError if it has ended */
export async function cancelJob(
  { server, name, reason, json }: CancelJobRequest,
  out: Output,
): Promise<void> {
  const { findJob, notFound } = await import("../actions/find-job.js");
  const { CancelJobDocument } = await import("../../client/generated/graphql.js");
  const { connection, found } = await findJob(server, name);
  const input = { ...found, ...(reason !== undefined && { reason }) };
  const { requestCancel } = await connection.request(CancelJobDocument, { input }).catch((error: unknown) => {
    throw withJobName(found, error);
  });
  if (!requestCancel) throw notFound(found);
  const { userTask } = requestCancel;
  await out.write(`${json ? sanitizedJson(userTask) : sentence(userTask)}\n`);
}

/** The server's message has the status, but only the description of the task. */
function withJobName(job: FoundJob, error: unknown): unknown {
  if (!(error instanceof TidemarkError && error.code === "ILLEGAL_TRANSITION")) return error;
  const [, status] = / is ([A-Z]+) and cannot be \w+\.$/.exec(error.message) ?? [];
  const end = status === undefined ? "" : ` (${status})`;
  return new TidemarkError(error.code, `Job ${userAndJob(job)} has already ended${end}.`, { cause: error });
}

type CanceledJob = NonNullable<CancelJobMutation["requestCancel"]>["userTask"];

/** Describes the first request, which may be from another user: later requests do not replace it. */
function sentence({ cancelRequest, ...job }: CanceledJob): string {
  if (!cancelRequest) return `Cancel requested for ${userAndJob(job)}.`;
  const { by, at, reason } = cancelRequest;
  return `Cancel requested for ${userAndJob(job)} by ${sanitizeForTerminal(by)} at ${at}${reason ? `: ${sanitizeForTerminal(reason)}` : "."}`;
}

const EXAMPLES = `
Examples:
  $ tidemark cancel alice/import-1 --reason "wrong parameters"
  $ tidemark cancel import-1 && tidemark watch --job import-1         and wait until the job has ended`;
