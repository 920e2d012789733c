import type { Command } from "commander";
import type { Output } from "../output.js";
import { sanitizedJson } from "../render/sanitize.js";
import type { Env } from "../server-options.js";
import { addJobArgument, type JobFlags, type JobRequest, jobRequestOf } from "./job-request.js";

export type Show = (request: JobRequest) => Promise<void>;

/** Adds `show`, which prints all details of a job. */
export function addShowCommand(program: Command, show: Show, env: Env): void {
  addJobArgument(program.command("show"))
    .description("Show one job: its whole tree, why it failed, its log, and who requested a cancel.")
    .addHelpText("after", EXAMPLES)
    .action((job: string | undefined, flags: JobFlags) => show(jobRequestOf(job, flags, env)));
}

/** @throws ExitError if the job does not exist */
export async function showJob({ server, name, json }: JobRequest, out: Output): Promise<void> {
  const { findJob, notFound } = await import("../actions/find-job.js");
  const { ShowJobDocument } = await import("../../client/generated/graphql.js");
  const { watchedTreeOf } = await import("../../client/watch/watched-tree.js");
  const { jobDetails } = await import("../render/job-details.js");
  const { logLineCount } = await import("../actions/answer-sizes.js");
  const { connection, found, limits } = await findJob(server, name);
  const lines = logLineCount(ShowJobDocument, limits);
  const { task: shown } = await connection.request(ShowJobDocument, { ...found, lines });
  if (!shown) throw notFound(found);
  const { tasks, log, ...fields } = shown;
  const job = { ...fields, task: watchedTreeOf(tasks) };
  if (json) return out.write(`${sanitizedJson({ ...job, log })}\n`);
  const details = jobDetails({ ...job, changedAt: job.reportedAt }, log, Date.now(), out);
  await out.write(details.map((line) => `${line}\n`).join(""));
}

const EXAMPLES = `
Examples:
  $ tidemark show alice/import-1
  $ tidemark show import-1                              if only one user has a job with this id
  $ tidemark show --user alice --job a/b --json         a job id that contains a slash`;
