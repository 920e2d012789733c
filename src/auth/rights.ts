import { TidemarkError } from "../protocol/tidemark-error.js";
import type { JobFilter } from "../store/task-store.js";
import { matchesPattern } from "../tasks/database-pattern.js";
import type { DatabaseName, JobId, JobKey, Username } from "../tasks/names.js";
import { ROLES, type CallerRights, type Role } from "./caller.js";

/**
 * The one place that decides what a caller may see and do. Resolvers reach it through the reader, the writer and the
 * watcher in `graphql/operations/`; the server calls it for everything else. It decides by names alone, so an error
 * never reveals whether a job exists.
 */

/** Something that a caller does to jobs. */
export type Action = "report" | "cancel" | "remove" | "share" | "purge" | "delete";

/** Whose jobs a role covers. */
type Reach = "none" | "own" | "all";

const MAY_SEE: Readonly<Record<Role, Reach>> = {
  viewer: "own",
  reporter: "own",
  admin: "all",
};

/** A reporter may also cancel and share its own jobs; a viewer may not. */
const MAY_DO: Readonly<Record<Role, Readonly<Record<Action, Reach>>>> = {
  viewer: { report: "none", cancel: "none", remove: "none", share: "none", purge: "none", delete: "none" },
  reporter: { report: "own", cancel: "own", remove: "own", share: "own", purge: "none", delete: "none" },
  admin: { report: "all", cancel: "all", remove: "all", share: "all", purge: "all", delete: "all" },
};

/** The part of a database that a caller may see: all jobs, the jobs of one user, or one job. */
export interface Scope {
  readonly username?: Username | undefined;
  readonly jobId?: JobId | undefined;
}

/** The scope of a caller in a database; undefined if the database is invisible to it. */
export function scopeOf(database: DatabaseName, rights: CallerRights): Scope | undefined {
  const { role, username, job } = rights;
  if (!covers(database, rights)) return undefined;
  if (job) return { username: job.username, jobId: job.jobId };
  switch (MAY_SEE[role]) {
    case "all":
      return EVERYTHING;
    case "own":
      return { username };
    case "none":
      return undefined;
  }
}

export function isUnrestricted({ username, jobId }: Scope): boolean {
  return username === undefined && jobId === undefined;
}

/** Restricts a filter to a scope. Returns undefined if no job can match. */
export function narrowFilter<Filter extends Pick<JobFilter, "username" | "jobId">>(
  filter: Filter,
  { username, jobId }: Scope,
): Filter | undefined {
  if (differ(filter.username, username) || differ(filter.jobId, jobId)) return undefined;
  return { ...filter, username: username ?? filter.username, jobId: jobId ?? filter.jobId };
}

/** Equal for callers that see the same in every database that they may read. */
export function visibilityKey({ role, username, job }: CallerRights): string {
  if (job) return JSON.stringify([job.username, job.jobId]);
  return MAY_SEE[role] === "all" ? "" : JSON.stringify([username]);
}

/** @throws TidemarkError FORBIDDEN, whether or not the job exists. */
export function authorize(
  action: Action,
  { database, username }: { readonly database: DatabaseName } & Partial<JobKey>,
  rights: CallerRights,
): void {
  if (!covers(database, rights))
    throw forbidden(
      `The token does not cover the database ${quoted(database)}. It covers ${coveredText(rights)}.`,
    );
  if (rights.job) throw forbidden("The token can only read one job.");
  const isOwn = username === rights.username;
  if (mayDo(rights.role, action, isOwn)) return;
  const needed = ROLES.find((role) => mayDo(role, action, isOwn))!; // an admin may do everything
  throw forbidden(
    `${ACTION_PHRASES[action](isOwn ? "a job" : "another user's job")} requires the role ${needed}; the token of ${quoted(rights.username)} has the role ${rights.role}.`,
  );
}

/** Whether a caller may read the metrics, which cover all databases. */
export function canReadMetrics({ role, databases, job }: CallerRights): boolean {
  return role === "admin" && !job && databases.includes("*");
}

const EVERYTHING: Scope = {};

const ACTION_PHRASES: Readonly<Record<Action, (job: string) => string>> = {
  report: (job) => `Reporting ${job}`,
  cancel: (job) => `Canceling ${job}`,
  remove: (job) => `Removing ${job}`,
  share: (job) => `Sharing ${job}`,
  purge: () => "Purging a database",
  delete: () => "Deleting a database",
};

function mayDo(role: Role, action: Action, isOwn: boolean): boolean {
  const reach = MAY_DO[role][action];
  return reach === "all" || (reach === "own" && isOwn);
}

function covers(database: DatabaseName, { databases, job }: CallerRights): boolean {
  if (job && job.database !== database) return false;
  return databases.some((pattern) => pattern === "*" || matchesPattern(database, pattern));
}

/** The databases of the token, which its holder may know. */
function coveredText({ databases, job }: CallerRights): string {
  const covered = job ? [job.database] : databases;
  const more = covered.length > DATABASES_SHOWN_MAX ? ", …" : "";
  return covered.length === 0
    ? "no database"
    : covered.slice(0, DATABASES_SHOWN_MAX).map(quoted).join(", ") + more;
}

const DATABASES_SHOWN_MAX = 5;

function differ<T>(a: T | undefined, b: T | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

function forbidden(message: string): TidemarkError {
  return new TidemarkError("FORBIDDEN", message);
}

function quoted(name: string): string {
  return JSON.stringify(name);
}
