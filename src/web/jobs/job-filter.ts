/** Which jobs of a database are listed. */
import type { WatchedJob } from "../../client/index.js";
import type { Address } from "../address.js";
import { stands } from "./standing.js";

export type JobFilter = Pick<Address, "user" | "standings" | "search">;

/** Whether it lets all through. */
export function isOpen({ user, standings, search }: JobFilter): boolean {
  return user === undefined && standings.length === 0 && wordsOf(search).length === 0;
}

/** What is asked of a job: a user, a standing, and all words of the search in what `searchText` gave. */
export function filterBy({ user, standings, search }: JobFilter): (job: WatchedJob, text: string) => boolean {
  const words = wordsOf(search);
  return (job, text) =>
    (user === undefined || job.username === user) &&
    (standings.length === 0 || stands(job, standings)) &&
    words.every((word) => text.includes(word));
}

/** What is searched in: all names of a job. */
export function searchText({ username, jobId, task }: WatchedJob): string {
  return `${username}\n${jobId}\n${task.description}`.toLowerCase().normalize();
}

function wordsOf(search: string): string[] {
  return search.toLowerCase().normalize().split(/\s+/u).filter(Boolean);
}
