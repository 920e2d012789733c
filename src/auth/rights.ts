import { TidemarkError } from "../protocol/tidemark-error.js";
import type { JobFilter } from "../store/task-store.js";
import { matchesPattern } from "../tasks/database-pattern.js";
import type { DatabaseName, JobId, JobKey, Username } from "../tasks/names.js";
import type { CallerRights } from "./caller.js";
import { ROLES, type Role } from "./roles.js";

/**
 * The one place that decides what somebody may see and do. It is asked by the doors through which resolvers reach
 * jobs (`graphql/reader.ts`, `writer.ts`, `watcher.ts`) and by the server for what is not GraphQL, and knows names only: whether a job is
 * there makes no difference to what is decided, so a refusal tells nothing about it.
 */

/** What can be done to jobs. */
export type Action = "report" | "cancel" | "remove" | "purge";

/** Whose jobs. */
type Reach = "nobody's" | "own" | "everybody's";

const MAY_SEE: Readonly<Record<Role, Reach>> = {
  viewer: "own",
  reporter: "own",
  admin: "everybody's",
};

/** A worker stores, reports and removes its jobs; who reports may ask the worker to stop, who only looks may not. */
const MAY_DO: Readonly<Record<Role, Readonly<Record<Action, Reach>>>> = {
  viewer: { report: "nobody's", cancel: "nobody's", remove: "nobody's", purge: "nobody's" },
  reporter: { report: "own", cancel: "own", remove: "own", purge: "nobody's" },
  admin: { report: "everybody's", cancel: "everybody's", remove: "everybody's", purge: "everybody's" },
};

/** What of a database somebody may see: the jobs of one user, one job, or all. */
export interface Scope {
  readonly username?: Username | undefined;
  readonly jobId?: JobId | undefined;
}

/** undefined for a database that does not exist for who asks. */
export function scopeOf(database: DatabaseName, rights: CallerRights): Scope | undefined {
  const { role, username, job } = rights;
  if (!isFor(database, rights)) return undefined;
  if (job) return { username: job.username, jobId: job.jobId };
  switch (MAY_SEE[role]) {
    case "everybody's":
      return EVERYTHING;
    case "own":
      return { username };
    case "nobody's":
      return undefined;
  }
}

/** Whether a scope hides nothing. */
export function isUnrestricted({ username, jobId }: Scope): boolean {
  return username === undefined && jobId === undefined;
}

/** What a filter lets through of what a scope shows; undefined where that can be nothing. */
export function narrowFilter<Filter extends Pick<JobFilter, "username" | "jobId">>(
  filter: Filter,
  { username, jobId }: Scope,
): Filter | undefined {
  if (isOther(filter.username, username) || isOther(filter.jobId, jobId)) return undefined;
  return { ...filter, username: username ?? filter.username, jobId: jobId ?? filter.jobId };
}

/** The same for those who see the same wherever they look. */
export function visibilityKey({ role, username, job }: CallerRights): string {
  if (job) return JSON.stringify([job.username, job.jobId]);
  return MAY_SEE[role] === "everybody's" ? "" : JSON.stringify([username]);
}

/** @throws TidemarkError FORBIDDEN, whether or not the job is there. */
export function authorize(
  action: Action,
  { database, username }: { readonly database: DatabaseName } & Partial<JobKey>,
  rights: CallerRights,
): void {
  if (!isFor(database, rights)) throw forbidden(`The token is not for the database ${quoted(database)}.`);
  if (rights.job) throw forbidden("The token shows one job, and is for changing none.");
  const isOwn = username === rights.username;
  if (mayDo(rights.role, action, isOwn)) return;
  const needed = ROLES.find((role) => mayDo(role, action, isOwn))!; // an admin may do everything
  throw forbidden(
    `To ${ACTION_PHRASES[action](isOwn ? "a job" : "another user's job")} takes the role ${needed}, and the token has the role ${rights.role}, as ${quoted(rights.username)}.`,
  );
}

/** Whether somebody may see what is counted over all databases. */
export function canReadMetrics({ role, databases, job }: CallerRights): boolean {
  return role === "admin" && !job && databases.includes("*");
}

const EVERYTHING: Scope = {};

/** In the words of who is refused. */
const ACTION_PHRASES: Readonly<Record<Action, (job: string) => string>> = {
  report: (job) => `report ${job}`,
  cancel: (job) => `ask ${job} to stop`,
  remove: (job) => `remove ${job}`,
  purge: () => "purge a database",
};

function mayDo(role: Role, action: Action, isOwn: boolean): boolean {
  const reach = MAY_DO[role][action];
  return reach === "everybody's" || (reach === "own" && isOwn);
}

function isFor(database: DatabaseName, { databases, job }: CallerRights): boolean {
  if (job && job.database !== database) return false;
  return databases.some((pattern) => pattern === "*" || matchesPattern(database, pattern));
}

function isOther<T>(asked: T | undefined, seen: T | undefined): boolean {
  return asked !== undefined && seen !== undefined && asked !== seen;
}

function forbidden(message: string): TidemarkError {
  return new TidemarkError("FORBIDDEN", message);
}

function quoted(name: string): string {
  return JSON.stringify(name);
}
