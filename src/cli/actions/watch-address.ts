import type { WatchedJob } from "../../client/index.js";
import { jobUrl } from "../../protocol/job-url.js";
import type { WatchRequest } from "../commands/watch.js";

/** The page of the dashboard at `url` that shows what a watch shows: a job if it has a single one with the id, else the list. */
export function watchAddress(
  url: string,
  { server: { database }, username, jobId }: WatchRequest,
  jobs: ReadonlyMap<string, WatchedJob>,
): string {
  const [job] = jobs.values();
  if (job && jobId !== undefined && jobs.size === 1) return jobUrl(url, { ...job, database });
  const list = new URL(jobUrl(url, { database, username: "", jobId: "" }));
  list.search = new URLSearchParams({
    database,
    ...(username !== undefined && { user: username }),
  }).toString();
  return list.href;
}
