/** `tidemark remove`. */
import { connect } from "../../client/index.js";
import { RemoveJobDocument } from "../../client/generated/graphql.js";
import type { JobRequest } from "../commands/job-request.js";
import type { Output } from "../output.js";
import { sanitizedJson } from "../render/sanitize.js";
import { userAndJob } from "../render/job-lines.js";
import { findJob, notFound } from "./find-job.js";

/** Has the server forget a job. @throws ExitError when it is not there. */
export async function requestRemoval({ server, name, json }: JobRequest, out: Output): Promise<void> {
  const connection = connect(server);
  const found = await findJob(connection, name);
  const { removeTask } = await connection.request(RemoveJobDocument, { input: found });
  const removed = removeTask?.userTask;
  if (!removed) throw notFound(found);
  await out.write(
    json ? `${sanitizedJson(removed)}\n` : `${userAndJob(removed)} was removed (${removed.task.status}).\n`,
  );
}
