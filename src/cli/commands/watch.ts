import { type Command, CommanderError } from "commander";
import {
  addDatabaseOptions,
  resolveDatabase,
  type DatabaseFlags,
  type DatabaseEndpoint,
  type Env,
} from "../server-options.js";
import { jsonOption } from "./job-request.js";

export interface WatchRequest {
  readonly server: DatabaseEndpoint;
  readonly username?: string;
  /** If set, the command ends when all jobs with this id have ended. */
  readonly jobId?: string;
  /** Whether to wait for a job that does not exist yet. */
  readonly wait: boolean;
  readonly json: boolean;
}

export type WatchJobs = (request: WatchRequest) => Promise<void>;

/** Adds `watch`, which shows jobs live. */
export function addWatchCommand(program: Command, watch: WatchJobs, env: Env): void {
  const command = program
    .command("watch")
    .description(
      "Watch jobs live: as trees on a terminal, otherwise as one line per noteworthy change. Reconnects if the connection is lost.",
    )
    .option("--user <name>", "Only jobs of this user")
    .option(
      "--job <id>",
      "Only the job with this id. The command ends when the job ends: exit code 6 if it FAILED, 7 if it was CANCELED",
    )
    .option("--wait", "With --job: wait for a job that does not exist yet, instead of exiting with code 3")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((flags: WatchFlags) => watch(requestOf(flags, env)));
  addDatabaseOptions(command);
}

interface WatchFlags extends DatabaseFlags {
  readonly user?: string;
  readonly job?: string;
  readonly wait?: boolean;
  readonly json?: boolean;
}

function requestOf({ user, job, wait, json, ...flags }: WatchFlags, env: Env): WatchRequest {
  if (wait && job === undefined)
    throw new CommanderError(
      1,
      "tidemark.wait",
      "error: --wait requires --job: pass the id of the job to wait for",
    );
  return {
    server: resolveDatabase(flags, env),
    ...(user !== undefined && { username: user }),
    ...(job !== undefined && { jobId: job }),
    wait: wait === true,
    json: json === true,
  };
}

const EXAMPLES = `
Examples:
  $ tidemark watch                                       all jobs of a database, until Ctrl+C
  $ tidemark watch --user alice                          only those of alice
  $ tidemark watch --job import-1 && echo finished       continue when the job has FINISHED
  $ tidemark watch --json | jq -r 'select(.kind == "TaskStored") | .job.jobId'`;
