/** `tidemark show`. */
import { connect } from "../../client/index.js";
import { ShowJobDocument } from "../../client/generated/graphql.js";
import { watchedTreeOf } from "../../client/watch/watched-tree.js";
import type { JobRequest } from "../commands/job-request.js";
import type { Output } from "../output.js";
import { sanitizedJson } from "../render/sanitize.js";
import { jobDetails } from "../render/job-details.js";
import { findJob, notFound } from "./find-job.js";

/** Prints all that is known of a job. @throws ExitError when it is not there. */
export async function showJob({ server, name, json }: JobRequest, out: Output): Promise<void> {
  const connection = connect(server);
  const found = await findJob(connection, name);
  const { task: shown } = await connection.request(ShowJobDocument, found);
  if (!shown) throw notFound(found);
  const { tasks, log, ...fields } = shown;
  const job = { ...fields, task: watchedTreeOf(tasks) };
  if (json) return out.write(`${sanitizedJson({ ...job, log })}\n`);
  const lines = jobDetails({ ...job, changedAt: job.reportedAt }, log, Date.now(), out);
  await out.write(lines.map((line) => `${line}\n`).join(""));
}
