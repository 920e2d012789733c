/** `tidemark cancel`. */
import { connect, TidemarkError } from "../../client/index.js";
import { CancelJobDocument, type CancelJobMutation } from "../../client/generated/graphql.js";
import type { CancelJobRequest } from "../commands/cancel.js";
import type { Output } from "../output.js";
import { sanitizeForTerminal, sanitizedJson } from "../render/sanitize.js";
import { userAndJob } from "../render/job-lines.js";
import { findJob, notFound, type FoundJob } from "./find-job.js";

/** Asks a job's worker to stop. @throws ExitError when it is not there, TidemarkError when it has ended. */
export async function cancelJob(
  { server, name, reason, json }: CancelJobRequest,
  out: Output,
): Promise<void> {
  const connection = connect(server);
  const found = await findJob(connection, name);
  const input = { ...found, ...(reason !== undefined && { reason }) };
  const { requestCancel } = await connection.request(CancelJobDocument, { input }).catch((error: unknown) => {
    throw aboutJob(found, error);
  });
  if (!requestCancel) throw notFound(found);
  const { userTask } = requestCancel;
  await out.write(`${json ? sanitizedJson(userTask) : sentence(userTask)}\n`);
}

/** The server names the task, by its description; who asked has named a job. */
function aboutJob(job: FoundJob, error: unknown): unknown {
  if (!(error instanceof TidemarkError && error.code === "ILLEGAL_TRANSITION")) return error;
  return new TidemarkError(error.code, `${userAndJob(job)} has ended: ${error.message}`, { cause: error });
}

type CanceledJob = NonNullable<CancelJobMutation["requestCancel"]>["userTask"];

/** The first request is the one that counts, and may be somebody else's. */
function sentence({ cancelRequest, ...job }: CanceledJob): string {
  if (!cancelRequest) return `${userAndJob(job)} was asked to stop.`;
  const { by, at, reason } = cancelRequest;
  return `${userAndJob(job)} was asked to stop by ${sanitizeForTerminal(by)} at ${at}${reason ? `: ${sanitizeForTerminal(reason)}` : "."}`;
}
