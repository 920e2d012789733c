import type { Command } from "commander";
import {
  addDatabaseOptions,
  resolveDatabase,
  type DatabaseFlags,
  type DatabaseEndpoint,
  type Env,
} from "../server-options.js";
import { jsonOption } from "./job-request.js";

export interface PurgeRequest {
  readonly server: DatabaseEndpoint;
  /** Nobody has to be asked. */
  readonly yes: boolean;
  readonly json: boolean;
}

export type Purge = (request: PurgeRequest) => Promise<void>;

/** Adds `purge`, which removes all jobs of a database. */
export function addPurgeCommand(program: Command, purge: Purge, env: Env): void {
  const command = program
    .command("purge")
    .description("Remove all jobs of a database. Asks first, and says what goes.")
    .option("--yes", "do not ask; needed where there is no terminal")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(({ yes, json, ...flags }: PurgeFlags) =>
      purge({ server: resolveDatabase(flags, env), yes: yes === true, json: json === true }),
    );
  addDatabaseOptions(command);
}

interface PurgeFlags extends DatabaseFlags {
  readonly yes?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ tidemark purge --database demo
  $ tidemark purge --database test-17 --yes --json`;
