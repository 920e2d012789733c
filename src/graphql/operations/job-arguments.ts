import type { Limits } from "../../protocol/limits.js";
import type { JobFilter } from "../../store/task-store.js";
import {
  parseDatabaseName,
  parseJobId,
  parseUsername,
  type DatabaseName,
  type JobKey,
} from "../../tasks/names.js";
import type { TaskStatus } from "../../tasks/task-status.js";
import type { OperationContext } from "../context.js";

// The arguments that identify a job or filter jobs: their descriptions, and how they are parsed.
export const DATABASE_DESCRIPTION =
  'The name of a database, lower-cased and then normalized to Unicode NFC. For example "neo4j".';
export const USERNAME_DESCRIPTION = 'The name of a user, normalized to Unicode NFC. For example "alice".';
export const OWN_USERNAME_DESCRIPTION =
  'The owner of the job. Defaults to the caller (`anonymous` on a server without authentication). Naming another user requires the right to do so. For example "alice".';
export const JOB_ID_DESCRIPTION = 'The job id, normalized to Unicode NFC. For example "pagerank-2024-06-01".';
export const FILTER_USERNAME_DESCRIPTION = 'Only jobs of this user. For example "alice".';
export const FILTER_JOB_ID_DESCRIPTION =
  'Only jobs with this job id, of any user. For example "pagerank-2024-06-01".';
export const FILTER_STATUS_DESCRIPTION =
  "Only jobs whose root has one of these statuses; an empty list matches no job.";
export const NODE_ID_DESCRIPTION = 'For example "WyJuZW80aiIsImFsaWNlIiwicGFnZXJhbmsiXQ".';
export const PATH_DESCRIPTION = 'The path of the task; empty for the root. For example "0.2.1".';

/** Identifies a job among all databases. */
export interface JobAddress extends JobKey {
  readonly database: DatabaseName;
}

/** Arguments that identify one job; null means omitted. */
export interface JobArguments {
  readonly database: string;
  readonly username?: string | null | undefined;
  readonly jobId: string;
}

export interface FilterArguments {
  readonly username?: string | null | undefined;
  readonly jobId?: string | null | undefined;
  readonly status?: readonly TaskStatus[] | null | undefined;
}

/** @throws TidemarkError BAD_USER_INPUT */
export function parseJobAddress(
  args: JobArguments,
  { caller, services: { limits } }: OperationContext,
): JobAddress {
  return {
    database: parseDatabaseName(args.database, limits),
    username: parseOptional(parseUsername, args.username, limits) ?? caller.username,
    jobId: parseJobId(args.jobId, limits),
  };
}

/** @throws TidemarkError BAD_USER_INPUT */
export function parseFilter(args: FilterArguments, limits: Limits): JobFilter {
  return {
    username: parseOptional(parseUsername, args.username, limits),
    jobId: parseOptional(parseJobId, args.jobId, limits),
    statuses: args.status ?? undefined,
  };
}

export function parseOptional<T>(
  parse: (text: string, limits: Limits) => T,
  text: string | null | undefined,
  limits: Limits,
): T | undefined {
  return text === null || text === undefined ? undefined : parse(text, limits);
}
