/** `tidemark list`. */
import type { WatchedJob } from "../../client/index.js";
import { watchedTaskOf, withRatio } from "../../client/watch/watched-tree.js";
import { ListJobsDocument, type ListJobsQuery } from "../../client/generated/graphql.js";
import { exactCount, plural } from "../../format/numbers.js";
import { connectTo } from "./connect-to.js";
import { limitsOf, pageSize } from "./answer-sizes.js";
import type { ListRequest } from "../commands/list.js";
import type { Output } from "../output.js";
import { sanitizeForTerminal, sanitizedJson } from "../render/sanitize.js";
import { jobTable } from "../render/job-table.js";

/** Prints the jobs, newest first. @param hint prints a note if the limit hides jobs. */
export async function listJobs(
  request: ListRequest,
  out: Output,
  hint: (text: string) => void,
): Promise<void> {
  const { limit, json } = request;
  const listed: WatchedJob[] = [];
  let count = 0;
  for await (const { nodes, totalCount } of pagesOf(request)) {
    const wanted = nodes.slice(0, limit - count);
    count += wanted.length;
    if (json) await out.write(wanted.map((job) => `${sanitizedJson(asWatched(job))}\n`).join(""));
    else listed.push(...wanted.map(withoutTree));
    if (!out.isOpen()) return;
    if (count < limit) continue;
    if (!json) await out.write(tableOf(listed, out));
    if (totalCount > limit)
      hint(
        `Showing the newest ${exactCount(limit)} of ${plural(totalCount, "job")}. Pass --all to list all.\n`,
      );
    return;
  }
  if (json) return;
  await out.write(
    count > 0
      ? tableOf(listed, out)
      : `No matching jobs in the database ${sanitizeForTerminal(request.server.database)}.\n`,
  );
}

function tableOf(jobs: readonly WatchedJob[], { columns, style }: Output): string {
  return jobTable(jobs, Date.now(), columns, style)
    .map((line) => `${line}\n`)
    .join("");
}

type Page = NonNullable<ListJobsQuery["tasks"]>;

async function* pagesOf({ server, filter, limit }: ListRequest): AsyncGenerator<Page, void> {
  const connection = connectTo(server);
  const first = pageSize(ListJobsDocument, await limitsOf(connection), Math.min(limit, PAGE_SIZE));
  let after: string | null | undefined;
  do {
    const page: ListJobsQuery = await connection.request(ListJobsDocument, {
      ...filter,
      database: server.database,
      first,
      after,
    });
    if (!page.tasks) return;
    yield page.tasks;
    after = page.tasks.pageInfo.hasNextPage ? page.tasks.pageInfo.endCursor : undefined;
  } while (after);
}

const PAGE_SIZE = 100;

/** The JSON of `list` has the fields of `show` and `watch`. */
function asWatched({ task, ...job }: Page["nodes"][number]): object {
  return { ...job, task: { ...task, progress: withRatio(task.progress) } };
}

function withoutTree(job: Page["nodes"][number]): WatchedJob {
  return { ...job, changedAt: job.reportedAt, task: watchedTaskOf(job.task) };
}
