/**
 * How a command is told which job: as `USER/JOB`, as `JOB` alone where only one user has such a job, or by --user and
 * --job, which also take names with a slash in them.
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

/** Adds the argument, --user, --job, --json and the options of the server. */
export function addJobArgument(command: Command): Command {
  command
    .argument("[USER/JOB]", "the job; the user may be left out where only one has such a job")
    .option("--user <name>", "user of the job")
    .option("--job <id>", "id of the job, in the place of the argument");
  return addDatabaseOptions(command.addOption(jsonOption()));
}

export function jsonOption(): Option {
  return new Option("--json", "print JSON, an object a line");
}

/** @throws CommanderError for no job, or two. */
export function jobRequestOf(argument: string | undefined, flags: JobFlags, env: Env): JobRequest {
  const server = resolveDatabase(flags, env);
  const { database } = server;
  return { server, name: { database, ...jobNameOf(argument, flags) }, json: flags.json === true };
}

function jobNameOf(argument: string | undefined, { user, job }: JobFlags): Omit<JobName, "database"> {
  if ((argument === undefined) === (job === undefined)) throw wrongUsage("name one job: USER/JOB, or --job");
  if (job !== undefined) return { jobId: job, ...(user !== undefined && { username: user }) };
  const [, before, after] = /^([^/]*)\/(.*)$/s.exec(argument!) ?? [];
  if (before === undefined) return { jobId: argument!, ...(user !== undefined && { username: user }) };
  if (user !== undefined) throw wrongUsage("name the user once: as USER/JOB, or with --user and --job");
  return { username: before, jobId: after! };
}

function wrongUsage(message: string): CommanderError {
  return new CommanderError(1, "tidemark.job", `error: ${message}`);
}
