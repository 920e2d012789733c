import { type Command, InvalidArgumentError, Option } from "commander";
import { DISPLAY_STATUSES, type DisplayStatus } from "../../format/display-status.js";
import {
  addDatabaseOptions,
  resolveDatabase,
  type DatabaseFlags,
  type DatabaseEndpoint,
  type Env,
} from "../server-options.js";
import { jsonOption } from "./job-request.js";

export interface ListRequest {
  readonly server: DatabaseEndpoint;
  readonly filter: ListFilter;
  /** The maximum number of jobs; Infinity for all. */
  readonly limit: number;
  /** Whether to list the databases instead of jobs. */
  readonly allDatabases: boolean;
  readonly json: boolean;
}

interface ListFilter {
  readonly username?: string;
  readonly jobId?: string;
  /** As the list shows them. Undefined: all. */
  readonly statuses?: readonly DisplayStatus[];
}

export type List = (request: ListRequest) => Promise<void>;

/** Adds `list`, which prints one line per job. */
export function addListCommand(program: Command, list: List, env: Env): void {
  const command = program
    .command("list")
    .description("List jobs, newest first.")
    .option("--user <name>", "Only jobs of this user")
    .option("--job <id>", "Only jobs with this id, of any user")
    .addOption(
      new Option(
        "--status <status...>",
        `Only jobs with this status: ${DISPLAY_STATUSES.join(", ")}`,
      ).argParser(addStatus),
    )
    .addOption(new Option("--limit <count>", "Maximum number of jobs").argParser(positive).default(100))
    .option("--all", "List all jobs, without a limit")
    .addOption(
      new Option(
        "--all-databases",
        "List the databases with their numbers of jobs, instead of jobs",
      ).conflicts(["user", "job", "status", "database"]),
    )
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((flags: ListFlags) => list(requestOf(flags, env)));
  addDatabaseOptions(command);
}

interface ListFlags extends DatabaseFlags {
  readonly user?: string;
  readonly job?: string;
  readonly status?: readonly DisplayStatus[];
  readonly limit: number;
  readonly all?: boolean;
  readonly allDatabases?: boolean;
  readonly json?: boolean;
}

function requestOf(
  { user, job, status, limit, all, allDatabases = false, json = false, ...flags }: ListFlags,
  env: Env,
): ListRequest {
  const filter = {
    ...(user !== undefined && { username: user }),
    ...(job !== undefined && { jobId: job }),
    ...(status !== undefined && { statuses: status }),
  };
  return {
    server: resolveDatabase(flags, env),
    filter,
    limit: all ? Infinity : limit,
    allDatabases,
    json,
  };
}

function addStatus(text: string, before: readonly DisplayStatus[] = []): DisplayStatus[] {
  const found = text
    .split(",")
    .map((name) => DISPLAY_STATUSES.find((status) => status === name.toUpperCase()));
  if (found.includes(undefined))
    throw new InvalidArgumentError(`Expected one of ${DISPLAY_STATUSES.join(", ")}.`);
  return [...before, ...found.flatMap((status) => status ?? [])];
}

function positive(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number from 1 to 999999999.");
}

const EXAMPLES = `
Examples:
  $ tidemark list                                         the newest 100 jobs
  $ tidemark list --status running --user alice           the running jobs of alice
  $ tidemark list --status failed,lost                    the jobs that need attention
  $ tidemark list --all-databases                         the databases
  $ tidemark list --database movies --all --json | jq -r .jobId`;
