import { type Command, Option } from "commander";
import { loadConfig, type ConfigSources } from "../../config/load-config.js";
import { SETTINGS } from "../../config/settings.js";
import { plural } from "../../format/numbers.js";
import type { Output } from "../output.js";
import { bar } from "../render/bar.js";
import { sanitizeForTerminal } from "../render/sanitize.js";
import { settingOption } from "./setting-option.js";

export interface MigrateRequest {
  /** The URLs of two stores. */
  readonly from: string;
  readonly to: string;
  /** The databases to copy; all if there are none. */
  readonly databases: readonly string[];
  /** How durable PostgreSQL makes the copies: a value of --synchronous-commit. */
  readonly synchronousCommit: string;
}

/** What has happened to one database. */
export type MigrateEvent =
  | {
      readonly kind: "progress";
      readonly name: string;
      readonly phase: "copying" | "checking";
      readonly jobs: number;
      readonly jobCount: number;
    }
  | {
      readonly kind: "done";
      readonly name: string;
      readonly jobs: number;
      readonly removals: number;
      /** Whether an earlier migration has made the same copy. */
      readonly wasThere: boolean;
    };

export type Migrate = (request: MigrateRequest) => Promise<void>;

/** Copies the databases and reports what happens. @throws Error for the operator */
export type MigrateStore = (request: MigrateRequest, report: (event: MigrateEvent) => void) => Promise<void>;

/** Adds `migrate`, which copies databases from one store to another. */
export function addMigrateCommand(
  program: Command,
  migrate: Migrate,
  { env, readFile }: ConfigEnvironment,
): void {
  program
    .command("migrate")
    .description(
      "Copy databases from one store to another, such as a folder to PostgreSQL. Positions of watchers stay valid. Stop the servers of the source first.",
    )
    .requiredOption("--from <store>", "The store to copy: lmdb:FOLDER or postgres://USER@HOST/DATABASE")
    .requiredOption("--to <store>", "The store that gets the copies. It may have other databases already")
    .addOption(new Option("--db, --database <name...>", "Copy only these databases").default([], "all"))
    .addOption(settingOption(LEVEL))
    .addHelpText("after", EXAMPLES)
    .action(({ from, to, database, ...flags }: MigrateFlags) => {
      const { postgres } = loadConfig({ flags, env: { [LEVEL.variable]: env[LEVEL.variable] }, readFile });
      return migrate({ from, to, databases: database, synchronousCommit: postgres.synchronousCommit });
    });
}

const LEVEL = SETTINGS.postgres.synchronousCommit;

type ConfigEnvironment = Pick<ConfigSources, "env" | "readFile">;

interface MigrateFlags {
  readonly from: string;
  readonly to: string;
  readonly database: readonly string[];
  readonly synchronousCommit?: string;
}

/** Prints a line for each database, below a bar if the output is a terminal. */
export async function showMigration(
  request: MigrateRequest,
  migrateStore: MigrateStore,
  out: Output,
): Promise<void> {
  const isTerminal = Number.isFinite(out.columns);
  const total = { databases: 0, jobs: 0, removals: 0 };
  await migrateStore(request, (event) => {
    if (event.kind === "progress") {
      if (isTerminal) void out.write(`${START_OF_LINE}${progressLine(event)}`);
      return;
    }
    total.databases += 1;
    total.jobs += event.jobs;
    total.removals += event.removals;
    void out.write(`${isTerminal ? START_OF_LINE : ""}${doneLine(event)}\n`);
  });
  const { databases, jobs, removals } = total;
  await out.write(
    `${plural(databases, "database")}, ${plural(jobs, "job")}, ${plural(removals, "removal")}: each copy was read again and equals its source.\n`,
  );
}

function progressLine({ name, phase, jobs, jobCount }: MigrateEvent & { kind: "progress" }): string {
  const counted = `${jobs}/${plural(jobCount, "job")}`;
  return `${sanitizeForTerminal(name)}  ${bar({ done: jobs, volume: jobCount }, BAR_WIDTH)}  ${phase} ${counted}`;
}

function doneLine({ name, jobs, removals, wasThere }: MigrateEvent & { kind: "done" }): string {
  const verb = wasThere ? "was copied before" : "copied";
  return `${sanitizeForTerminal(name)}: ${plural(jobs, "job")}, ${plural(removals, "removal")}, ${verb}`;
}

/** Goes to the start of the line and erases it. */
const START_OF_LINE = "\r\u001b[2K";

const BAR_WIDTH = 20;

const EXAMPLES = `
The password of a PostgreSQL user comes from PGPASSWORD or a password file, so that no other process can read it.

Examples:
  $ tidemark migrate --from lmdb:./tidemark-data --to postgres://tidemark@db/tidemark
  $ tidemark migrate --from postgres://tidemark@db/tidemark --to lmdb:./copy --database builds tests`;
