import type { Command } from "commander";
import type { Output } from "../output.js";
import { userAndJob } from "../render/job-lines.js";
import { sanitizedJson } from "../render/sanitize.js";
import type { Env } from "../server-options.js";
import { addJobArgument, type JobFlags, type JobRequest, jobRequestOf } from "./job-request.js";

export type Remove = (request: JobRequest) => Promise<void>;

/** Adds `remove`, which deletes a job from the server. */
export function addRemoveCommand(program: Command, remove: Remove, env: Env): void {
  addJobArgument(program.command("remove"))
    .description(
      "Delete a job from the server, whatever its status. Its worker is not asked to stop: see cancel.",
    )
    .addHelpText("after", EXAMPLES)
    .action((job: string | undefined, flags: JobFlags) => remove(jobRequestOf(job, flags, env)));
}

/** @throws ExitError if the job does not exist */
export async function deleteJob({ server, name, json }: JobRequest, out: Output): Promise<void> {
  const { findJob, notFound } = await import("../actions/find-job.js");
  const { RemoveJobDocument } = await import("../../client/generated/graphql.js");
  const { connection, found } = await findJob(server, name);
  const { removeTask } = await connection.request(RemoveJobDocument, { input: found });
  const removed = removeTask?.userTask;
  if (!removed) throw notFound(found);
  await out.write(
    json ? `${sanitizedJson(removed)}\n` : `Removed ${userAndJob(removed)} (${removed.task.status}).\n`,
  );
}

const EXAMPLES = `
Examples:
  $ tidemark remove alice/import-1`;
