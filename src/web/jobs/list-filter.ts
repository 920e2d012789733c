import type { WatchedJob } from "../../client/index.js";
import type { Address } from "../address.js";
import { displayStatusOf } from "../../format/display-status.js";

export type ListFilter = Pick<Address, "user" | "statuses" | "search">;

export function isUnfiltered({ user, statuses, search }: ListFilter): boolean {
  return user === undefined && statuses.length === 0 && wordsOf(search).length === 0;
}

/** A predicate over a job and its `searchText`: the user, a status, and all words of the search must match. */
export function jobPredicateFor({
  user,
  statuses,
  search,
}: ListFilter): (job: WatchedJob, text: string) => boolean {
  const words = wordsOf(search);
  return (job, text) =>
    (user === undefined || job.username === user) &&
    (statuses.length === 0 || statuses.includes(displayStatusOf(job))) &&
    words.every((word) => text.includes(word));
}

/** The text that a search matches: user, job id and description. */
export function searchText({ username, jobId, task }: WatchedJob): string {
  return `${username}\n${jobId}\n${task.description}`.toLowerCase().normalize();
}

function wordsOf(search: string): string[] {
  return search.toLowerCase().normalize().split(/\s+/u).filter(Boolean);
}
