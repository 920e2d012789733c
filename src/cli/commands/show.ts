import type { Command } from "commander";
import type { Env } from "../server-options.js";
import { addJobArgument, type JobFlags, type JobRequest, jobRequestOf } from "./job-request.js";

export type Show = (request: JobRequest) => Promise<void>;

/** Adds `show`, which prints all that is known of a job. */
export function addShowCommand(program: Command, show: Show, env: Env): void {
  addJobArgument(program.command("show"))
    .description("Show a job: its whole tree, why it failed, its log, who asked it to stop.")
    .addHelpText("after", EXAMPLES)
    .action((job: string | undefined, flags: JobFlags) => show(jobRequestOf(job, flags, env)));
}

const EXAMPLES = `
Examples:
  $ tidemark show alice/import-1 --database demo
  $ tidemark show import-1                              where only one user has such a job
  $ tidemark show --user alice --job a/b --json         a job id with a slash in it`;
