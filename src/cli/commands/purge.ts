import type { Command } from "commander";
import { exactCount, plural } from "../../format/numbers.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import type { ServerConnection } from "../actions/connect-to.js";
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
  /** Whether to delete the database too. */
  readonly deletes: boolean;
}

export type Purge = (request: PurgeRequest) => Promise<void>;

/** Adds `purge`, which removes all jobs of a database. */
export function addPurgeCommand(program: Command, purge: Purge, env: Env): void {
  const command = program
    .command("purge")
    .description("Remove all jobs of a database. Asks for confirmation and shows the number of jobs.")
    .option(
      "--delete",
      "Also delete the database itself, even if the server cannot open it, and free its name",
    )
    .option("--yes", "Do not ask for confirmation. Required without a terminal")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(({ yes, json, delete: deletes, ...flags }: PurgeFlags) =>
      purge({
        server: resolveDatabase(flags, env),
        yes: yes === true,
        json: json === true,
        deletes: deletes === true,
      }),
    );
  addDatabaseOptions(command);
}

interface PurgeFlags extends DatabaseFlags {
  readonly yes?: boolean;
  readonly json?: boolean;
  readonly delete?: boolean;
}

/** Asks the user and resolves with the answer; undefined without a terminal. */
export type Prompt = ((question: string) => Promise<string>) | undefined;

/** @throws ExitError unless the user confirms */
export async function purgeJobs(request: PurgeRequest, out: Output, ask: Prompt): Promise<void> {
  const { connectTo } = await import("../actions/connect-to.js");
  const connection = connectTo(request.server);
  if (!request.yes) await confirm(request, connection, ask);
  if (request.deletes) await deleteDatabase(request, connection, out);
  else await purgeDatabase(request, connection, out);
}

/** @throws ExitError unless the user confirms */
async function confirm(
  { server: { database }, deletes }: PurgeRequest,
  connection: ServerConnection,
  ask: Prompt,
): Promise<void> {
  const name = sanitizeForTerminal(database);
  if (!ask)
    throw new ExitError(
      EXIT.WRONG_USAGE,
      `purge removes all jobs of the database ${name}: to confirm without a terminal, pass --yes`,
    );
  const jobs = await jobsIn(database, deletes, connection);
  const what = deletes
    ? `Permanently delete the database ${name} with ${jobs}?`
    : `Permanently remove ${jobs} from the database ${name}?`;
  const answer = await ask(`${what} [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim()))
    throw new ExitError(EXIT.FAILURE, "not confirmed: no job was removed");
}

/** The number of jobs as text. A database that the server cannot open can be deleted, although its jobs are unknown. */
async function jobsIn(database: string, deletes: boolean, connection: ServerConnection): Promise<string> {
  const { CountJobsDocument } = await import("../../client/generated/graphql.js");
  try {
    const { total, running } = await connection.request(CountJobsDocument, { database });
    return `${plural(total ?? 0, "job")} (${exactCount(running ?? 0)} RUNNING)`;
  } catch (error) {
    const isUnopened = error instanceof TidemarkError && error.code === "UNAVAILABLE";
    if (!deletes || !isUnopened) throw error;
    return "its jobs, which the server cannot read";
  }
}

async function purgeDatabase(
  { server: { database }, json }: PurgeRequest,
  connection: ServerConnection,
  out: Output,
): Promise<void> {
  const { PurgeJobsDocument } = await import("../../client/generated/graphql.js");
  const payload = await connection.request(PurgeJobsDocument, { database });
  const removed = payload.purgeDatabase?.removed ?? 0;
  await out.write(
    json
      ? `${sanitizedJson({ database, removed })}\n`
      : `Removed ${plural(removed, "job")} from the database ${sanitizeForTerminal(database)}.\n`,
  );
}

async function deleteDatabase(
  { server: { database }, json }: PurgeRequest,
  connection: ServerConnection,
  out: Output,
): Promise<void> {
  const { DeleteDatabaseDocument } = await import("../../client/generated/graphql.js");
  const payload = await connection.request(DeleteDatabaseDocument, { database });
  const deleted = payload.deleteDatabase?.deleted ?? false;
  const name = sanitizeForTerminal(database);
  const line = deleted ? `Deleted the database ${name}.` : `There is no database ${name}.`;
  await out.write(json ? `${sanitizedJson({ database, deleted })}\n` : `${line}\n`);
}

const EXAMPLES = `
Examples:
  $ tidemark purge --database old
  $ tidemark purge --database test-17 --yes --json
  $ tidemark purge --database test-17 --delete`;
