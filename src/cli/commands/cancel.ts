import type { Command } from "commander";
import type { Env } from "../server-options.js";
import { addJobArgument, type JobFlags, type JobRequest, jobRequestOf } from "./job-request.js";

export interface CancelJobRequest extends JobRequest {
  readonly reason?: string;
}

export type Cancel = (request: CancelJobRequest) => Promise<void>;

/** Adds `cancel`, which asks a job's worker to stop. */
export function addCancelCommand(program: Command, cancel: Cancel, env: Env): void {
  addJobArgument(program.command("cancel"))
    .description("Ask a job to stop. Its worker hears of it within a second, and ends it.")
    .option("--reason <text>", "why, for the worker and for whoever watches")
    .addHelpText("after", EXAMPLES)
    .action((job: string | undefined, { reason, ...flags }: JobFlags & { readonly reason?: string }) =>
      cancel({ ...jobRequestOf(job, flags, env), ...(reason !== undefined && { reason }) }),
    );
}

const EXAMPLES = `
Examples:
  $ tidemark cancel alice/import-1 --reason "wrong parameters"
  $ tidemark cancel import-1 && tidemark watch --job import-1         and wait until it has ended`;
