import type { Command } from "commander";
import { exactCount, plural } from "../../format/numbers.js";
import { EXIT, ExitError } from "../exit-codes.js";
import type { Output } from "../output.js";
import { sanitizeForTerminal, sanitizedJson } from "../render/sanitize.js";
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
  /** Whether to skip the confirmation. */
  readonly yes: boolean;
  readonly json: boolean;
}

export type Purge = (request: PurgeRequest) => Promise<void>;

/** Adds `purge`, which removes all jobs of a database. */
export function addPurgeCommand(program: Command, purge: Purge, env: Env): void {
  const command = program
    .command("purge")
    .description("Remove all jobs of a database. Asks for confirmation and shows the number of jobs.")
    .option("--yes", "Do not ask for confirmation. Required without a terminal")
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

/** Asks the user and resolves with the answer; undefined without a terminal. */
export type Prompt = ((question: string) => Promise<string>) | undefined;

/** @throws ExitError unless the user confirms */
export async function purgeJobs(
  { server, yes, json }: PurgeRequest,
  out: Output,
  ask: Prompt,
): Promise<void> {
  const { connect } = await import("../../client/index.js");
  const { CountJobsDocument, PurgeJobsDocument } = await import("../../client/generated/graphql.js");
  const connection = connect(server);
  const { database } = server;
  const name = sanitizeForTerminal(database);
  if (!yes) {
    if (!ask)
      throw new ExitError(
        EXIT.WRONG_USAGE,
        `purge removes all jobs of the database ${name}: to confirm without a terminal, pass --yes`,
      );
    const { total, running } = await connection.request(CountJobsDocument, { database });
    const jobs = `${plural(total ?? 0, "job")} (${exactCount(running ?? 0)} RUNNING)`;
    const answer = await ask(`Permanently remove ${jobs} from the database ${name}? [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim()))
      throw new ExitError(EXIT.FAILURE, "not confirmed: no job was removed");
  }
  const { purgeDatabase } = await connection.request(PurgeJobsDocument, { database });
  const removed = purgeDatabase?.removed ?? 0;
  await out.write(
    json
      ? `${sanitizedJson({ database, removed })}\n`
      : `Removed ${plural(removed, "job")} from the database ${name}.\n`,
  );
}

const EXAMPLES = `
Examples:
  $ tidemark purge --database demo
  $ tidemark purge --database test-17 --yes --json`;
