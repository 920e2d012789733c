/** `tidemark purge`. */
import { connect } from "../../client/index.js";
import { CountJobsDocument, PurgeJobsDocument } from "../../client/generated/graphql.js";
import { exactCount, plural } from "../../format/numbers.js";
import type { PurgeRequest } from "../commands/purge.js";
import { EXIT, ExitError } from "../exit-codes.js";
import type { Output } from "../output.js";
import { sanitizeForTerminal, sanitizedJson } from "../render/sanitize.js";

/** Asks the user and resolves with the answer; undefined without a terminal. */
export type Prompt = ((question: string) => Promise<string>) | undefined;

/** Removes all jobs of a database. @throws ExitError unless the user confirms. */
export async function purgeJobs(
  { server, yes, json }: PurgeRequest,
  out: Output,
  ask: Prompt,
): Promise<void> {
  const connection = connect(server);
  const { database } = server;
  const name = sanitizeForTerminal(database);
  if (!yes) {
    if (!ask)
      throw new ExitError(EXIT.WRONG_USAGE, `this removes all jobs of the database ${name}: say --yes`);
    const { total, running } = await connection.request(CountJobsDocument, { database });
    const jobs = `${plural(total ?? 0, "job")} of the database ${name} (${exactCount(running ?? 0)} RUNNING)`;
    const answer = await ask(`Remove ${jobs} for ever? [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new ExitError(EXIT.FAILURE, "nothing was removed");
  }
  const { purgeDatabase } = await connection.request(PurgeJobsDocument, { database });
  const removed = purgeDatabase?.removed ?? 0;
  await out.write(
    json
      ? `${sanitizedJson({ database, removed })}\n`
      : `${plural(removed, "job")} of the database ${name} removed.\n`,
  );
}
