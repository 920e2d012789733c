/**
 * What is seen, as the address has it, so that a link shows the same:
 *
 *     ?database=demo&user=alice&status=FAILED,LOST&search=import&sort=-progress
 *     ?database=demo&owner=alice&job=import-1
 */
import { isSortKey, type SortKey } from "./jobs/job-order.js";
import { DISPLAY_STATUSES, type DisplayStatus } from "./jobs/display-status.js";

export interface Address {
  /** undefined: whichever there is. */
  readonly database: string | undefined;
  /** Only jobs of this user. */
  readonly user: string | undefined;
  /** Only jobs of one of these; none: all. */
  readonly statuses: readonly DisplayStatus[];
  /** Only jobs in whose names all of these words are. */
  readonly search: string;
  readonly sort: Sort;
  /** The job that is looked at. */
  readonly job: JobRef | undefined;
}

export interface JobRef {
  readonly username: string;
  readonly jobId: string;
}

export interface Sort {
  readonly key: SortKey;
  readonly isDescending: boolean;
}

/** Newest first, as the server lists them. */
export const NEWEST_FIRST: Sort = { key: "stored", isDescending: true };

/** What can't be read in it is left out: an address is something that people type. */
export function parseAddress(query: string): Address {
  const fields = new URLSearchParams(query);
  const jobId = fields.get("job");
  const statuses = fields.get("status")?.split(",") ?? [];
  return {
    database: fields.get("database") || undefined,
    user: fields.get("user") || undefined,
    statuses: DISPLAY_STATUSES.filter((standing) => statuses.includes(standing)),
    search: fields.get("search") ?? "",
    sort: parseSort(fields.get("sort") ?? ""),
    job: jobId ? { username: fields.get("owner") ?? "anonymous", jobId } : undefined,
  };
}

/** With what is as usual left out; empty, or from `?` on. */
export function formatAddress({ database, user, statuses, search, sort, job }: Address): string {
  const fields = new URLSearchParams();
  if (database) fields.set("database", database);
  if (user) fields.set("user", user);
  if (statuses.length > 0) fields.set("status", statuses.join(","));
  if (search) fields.set("search", search);
  if (sort.key !== NEWEST_FIRST.key || !sort.isDescending)
    fields.set("sort", `${sort.isDescending ? "-" : ""}${sort.key}`);
  if (job) fields.set("owner", job.username);
  if (job) fields.set("job", job.jobId);
  const text = fields.toString().replaceAll("%2C", ",");
  return text && `?${text}`;
}

function parseSort(text: string): Sort {
  const isDescending = text.startsWith("-");
  const key = isDescending ? text.slice(1) : text;
  return isSortKey(key) ? { key, isDescending } : NEWEST_FIRST;
}
