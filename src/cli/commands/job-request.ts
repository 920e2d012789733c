/**
 * The arguments that name one job: `USER/JOB`, or `JOB` if only one user has a job with this id, or --user and --job,
 * whose values may contain a slash.
 */
import { type Command, CommanderError, Option } from "commander";
import type { JobName } from "../actions/find-job.js";
import {
  addDatabaseOptions,
  resolveDatabase,
  type DatabaseFlags,
  type DatabaseEndpoint,
  type Env,
} from "../server-options.js";

export interface JobRequest {
  readonly server: DatabaseEndpoint;
  readonly name: JobName;
  readonly json: boolean;
}

export interface JobFlags extends DatabaseFlags {
  readonly user?: string;
  readonly job?: string;
  readonly json?: boolean;
}

/** Adds the `USER/JOB` argument, --user, --job, --json and the server options. */
export function addJobArgument(command: Command): Command {
  command
    .argument("[USER/JOB]", "The job. USER/ is optional if only one user has a job with this id")
    .option("--user <name>", "Owner of the job")
    .option("--job <id>", "Id of the job, instead of the argument");
  return addDatabaseOptions(command.addOption(jsonOption()));
}

export function jsonOption(): Option {
  return new Option("--json", "Print JSON, one object per line");
}

/** @throws CommanderError unless exactly one job is named. */
export function jobRequestOf(argument: string | undefined, flags: JobFlags, env: Env): JobRequest {
  const server = resolveDatabase(flags, env);
  const { database } = server;
  return { server, name: { database, ...jobNameOf(argument, flags) }, json: flags.json === true };
}

function jobNameOf(argument: string | undefined, { user, job }: JobFlags): Omit<JobName, "database"> {
  if ((argument === undefined) === (job === undefined))
    throw wrongUsage("expected one job: pass either USER/JOB or --job");
  if (job !== undefined) return { jobId: job, ...(user !== undefined && { username: user }) };
  const [, before, after] = /^([^/]*)\/(.*)$/s.exec(argument!) ?? [];
  if (before === undefined) return { jobId: argument!, ...(user !== undefined && { username: user }) };
  if (user !== undefined)
    throw wrongUsage("the user is given twice: pass either USER/JOB, or --user and --job");
  return { username: before, jobId: after! };
}

function wrongUsage(message: string): CommanderError {
  return new CommanderError(1, "tidemark.job", `error: ${message}`);
}
