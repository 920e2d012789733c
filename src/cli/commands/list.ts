import { type Command, InvalidArgumentError, Option } from "commander";
import type { WatchedTaskStatus } from "../../client/index.js";
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
  /** How many at most; Infinity for all. */
  readonly limit: number;
  readonly json: boolean;
}

interface ListFilter {
  readonly username?: string;
  readonly jobId?: string;
  readonly status?: WatchedTaskStatus[];
}

export type List = (request: ListRequest) => Promise<void>;

/** Adds `list`, which prints a line a job. */
export function addListCommand(program: Command, list: List, env: Env): void {
  const command = program
    .command("list")
    .description("List jobs, newest first.")
    .option("--user <name>", "only jobs of this user")
    .option("--job <id>", "only jobs with this id, whoever's they are")
    .addOption(
      new Option("--status <status...>", `only jobs that are ${STATUSES.join(", ")}`).argParser(addStatus),
    )
    .addOption(new Option("--limit <count>", "how many").argParser(positive).default(100))
    .option("--all", "all of them, however many")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((flags: ListFlags) => list(requestOf(flags, env)));
  addDatabaseOptions(command);
}

interface ListFlags extends DatabaseFlags {
  readonly user?: string;
  readonly job?: string;
  readonly status?: WatchedTaskStatus[];
  readonly limit: number;
  readonly all?: boolean;
  readonly json?: boolean;
}

function requestOf({ user, job, status, limit, all, json, ...flags }: ListFlags, env: Env): ListRequest {
  const filter = {
    ...(user !== undefined && { username: user }),
    ...(job !== undefined && { jobId: job }),
    ...(status !== undefined && { status }),
  };
  return { server: resolveDatabase(flags, env), filter, limit: all ? Infinity : limit, json: json === true };
}

function addStatus(text: string, before: readonly WatchedTaskStatus[] = []): WatchedTaskStatus[] {
  const found = text.split(",").map((name) => STATUSES.find((status) => status === name.toUpperCase()));
  if (found.includes(undefined)) throw new InvalidArgumentError(`Expected ${STATUSES.join(", ")}.`);
  return [...before, ...found.flatMap((status) => status ?? [])];
}

function positive(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number from 1.");
}

const STATUSES = ["PENDING", "RUNNING", "FINISHED", "CANCELED", "FAILED"] as const;

const EXAMPLES = `
Examples:
  $ tidemark list --database demo                         the newest 100 jobs
  $ tidemark list --status running --user alice           what alice has running
  $ tidemark list --status failed canceled --all --json | jq -r .jobId`;
