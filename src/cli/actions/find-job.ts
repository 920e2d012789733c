import type { Connection } from "../../client/index.js";
import { FindJobsDocument } from "../../client/generated/graphql.js";
import { EXIT, ExitError } from "../exit-codes.js";
import { sanitizeForTerminal } from "../render/sanitize.js";
import { userAndJob } from "../render/job-lines.js";

/** A job as somebody at a terminal names it: without the user where there is only one such job. */
export interface JobName {
  readonly database: string;
  readonly username?: string;
  readonly jobId: string;
}

/** What the server needs to know it. */
export type FoundJob = Required<JobName>;

/** @throws ExitError with NOT_FOUND, and with WRONG_USAGE where several users have such a job. */
export async function findJob(connection: Connection, name: JobName): Promise<FoundJob> {
  const { tasks } = await connection.request(FindJobsDocument, name);
  const { nodes = [], totalCount = 0 } = tasks ?? {};
  const [job] = nodes;
  if (!job) throw notFound(name);
  if (totalCount === 1) return { database: name.database, ...job };
  const names = nodes.slice(0, NAMED_MAX).map(userAndJob).join(", ") + (totalCount > NAMED_MAX ? ", …" : "");
  throw new ExitError(EXIT.WRONG_USAGE, `${totalCount} users have such a job: say which of ${names}`);
}

/** For a job that is not there, or no longer. */
export function notFound({ database, username, jobId }: JobName): ExitError {
  const name = username === undefined ? sanitizeForTerminal(jobId) : userAndJob({ username, jobId });
  return new ExitError(
    EXIT.NOT_FOUND,
    `there is no job ${name} in the database ${sanitizeForTerminal(database)}`,
  );
}

const NAMED_MAX = 3;
