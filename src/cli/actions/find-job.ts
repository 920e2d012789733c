import { FindJobsDocument } from "../../client/generated/graphql.js";
import type { Limits } from "../../protocol/limits.js";
import { limitsOf, pageSize } from "./answer-sizes.js";
import { EXIT, ExitError } from "../exit-codes.js";
import { sanitizeForTerminal } from "../render/sanitize.js";
import { userAndJob } from "../render/job-lines.js";
import type { DatabaseEndpoint } from "../server-options.js";
import { connectTo, type ServerConnection } from "./connect-to.js";

/** A job as given on the command line. The user is optional if only one user has a job with this id. */
export interface JobName {
  readonly database: string;
  readonly username?: string;
  readonly jobId: string;
}

export type FoundJob = Required<JobName>;

/** Connects to the server. @throws ExitError if there is no such job, or if several users have one. */
export async function findJob(
  server: DatabaseEndpoint,
  name: JobName,
): Promise<{ readonly connection: ServerConnection; readonly found: FoundJob; readonly limits: Limits }> {
  const connection = connectTo(server);
  const limits = await limitsOf(connection);
  const first = pageSize(FindJobsDocument, limits, NAMES_SHOWN_MAX);
  const { tasks } = await connection.request(FindJobsDocument, { ...name, first });
  const { nodes = [], totalCount = 0 } = tasks ?? {};
  const [job] = nodes;
  if (!job) throw notFound(name);
  if (totalCount === 1) return { connection, limits, found: { database: name.database, ...job } };
  const names = nodes.map(userAndJob).join(", ") + (totalCount > nodes.length ? ", …" : "");
  throw new ExitError(EXIT.WRONG_USAGE, `${totalCount} users have a job with this id: pass one of ${names}`);
}

export function notFound({ database, username, jobId }: JobName): ExitError {
  const name = username === undefined ? sanitizeForTerminal(jobId) : userAndJob({ username, jobId });
  return new ExitError(
    EXIT.NOT_FOUND,
    `job ${name} not found in the database ${sanitizeForTerminal(database)}`,
  );
}

const NAMES_SHOWN_MAX = 3;
