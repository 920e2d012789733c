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
  /** The watch ends when the jobs with this id have. */
  readonly jobId?: string;
  /** A job that is not there yet is waited for. */
  readonly wait: boolean;
  readonly json: boolean;
}

export type WatchJobs = (request: WatchRequest) => Promise<void>;

/** Adds `watch`, which shows jobs as they go on. */
export function addWatchCommand(program: Command, watch: WatchJobs, env: Env): void {
  const command = program
    .command("watch")
    .description(
      "Watch jobs live: their trees on a terminal, else a line for each thing worth telling. Comes back by itself when the server was away.",
    )
    .option("--user <name>", "only jobs of this user")
    .option(
      "--job <id>",
      "only the job with this id; ends when it has, with 6 when it FAILED, 7 when it was CANCELED",
    )
    .option("--wait", "with --job: wait for a job that is not there yet, instead of ending with 3")
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
    throw new CommanderError(1, "tidemark.wait", "error: --wait needs --job: say which job to wait for");
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
  $ tidemark watch --database demo                       all jobs of a database, until Ctrl+C
  $ tidemark watch --job import-1 && ./next-step         goes on when the job has FINISHED
  $ tidemark watch --json | jq -r 'select(.kind == "TaskStored") | .job.jobId'`;
