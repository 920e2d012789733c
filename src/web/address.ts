/**
 * The view as encoded in the page's URL, so that a link reproduces it:
 *
 *     ?database=default&user=alice&status=FAILED,LOST&search=import&sort=-progress
 *     ?database=default&owner=alice&job=import-1
 */
import { isSortKey, type SortKey } from "./jobs/job-order.js";
import { DISPLAY_STATUSES, type DisplayStatus } from "../format/display-status.js";

export interface Address {
  /** undefined: the page picks one. */
  readonly database: string | undefined;
  /** Only jobs of this user. */
  readonly user: string | undefined;
  /** Only jobs with one of these; empty: all. */
  readonly statuses: readonly DisplayStatus[];
  /** Only jobs whose names contain all of these words. */
  readonly search: string;
  readonly sort: Sort;
  /** The job whose page is open. */
  readonly job: JobLink | undefined;
}

/** A link from a worker that does not know its user yet names no owner. */
export interface JobLink {
  readonly username: string | undefined;
  readonly jobId: string;
}

export interface JobRef {
  readonly username: string;
  readonly jobId: string;
}

export interface Sort {
  readonly key: SortKey;
  readonly isDescending: boolean;
}

/** The server's own order. */
export const NEWEST_FIRST: Sort = { key: "stored", isDescending: true };

/** Ignores invalid fields, as people edit URLs by hand. */
export function parseAddress(query: string): Address {
  const fields = new URLSearchParams(query);
  const jobId = fields.get("job");
  const statuses = fields.get("status")?.split(",") ?? [];
  return {
    database: fields.get("database") || undefined,
    user: fields.get("user") || undefined,
    statuses: DISPLAY_STATUSES.filter((status) => statuses.includes(status)),
    search: fields.get("search") ?? "",
    sort: parseSort(fields.get("sort") ?? ""),
    job: jobId ? { username: fields.get("owner") || undefined, jobId } : undefined,
  };
}

/** The query string without defaults: empty, or starting with `?`. */
export function formatAddress({ database, user, statuses, search, sort, job }: Address): string {
  const fields = new URLSearchParams();
  if (database) fields.set("database", database);
  if (user) fields.set("user", user);
  if (statuses.length > 0) fields.set("status", statuses.join(","));
  if (search) fields.set("search", search);
  if (sort.key !== NEWEST_FIRST.key || !sort.isDescending)
    fields.set("sort", `${sort.isDescending ? "-" : ""}${sort.key}`);
  if (job?.username) fields.set("owner", job.username);
  if (job) fields.set("job", job.jobId);
  const text = fields.toString().replaceAll("%2C", ",");
  return text && `?${text}`;
}

function parseSort(text: string): Sort {
  const isDescending = text.startsWith("-");
  const key = isDescending ? text.slice(1) : text;
  return isSortKey(key) ? { key, isDescending } : NEWEST_FIRST;
}
