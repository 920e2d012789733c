import type { Command } from "commander";
import type { Env } from "../server-options.js";
import { addJobArgument, type JobFlags, type JobRequest, jobRequestOf } from "./job-request.js";

export type Remove = (request: JobRequest) => Promise<void>;

/** Adds `remove`, which has the server forget a job. */
export function addRemoveCommand(program: Command, remove: Remove, env: Env): void {
  addJobArgument(program.command("remove"))
    .description("Forget a job at once, whatever its status. Its worker is not told to stop: see cancel.")
    .addHelpText("after", EXAMPLES)
    .action((job: string | undefined, flags: JobFlags) => remove(jobRequestOf(job, flags, env)));
}

const EXAMPLES = `
Examples:
  $ tidemark remove alice/import-1 --database demo`;
