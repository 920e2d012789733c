/** `tidemark list`. */
import type { WatchedJob } from "../../client/index.js";
import { watchedTaskOf, withRatio } from "../../client/watch/watched-tree.js";
import {
  ListDatabasesDocument,
  ListJobsDocument,
  type ListJobsQuery,
  type TaskStatus,
} from "../../client/generated/graphql.js";
import { displayStatusOf, type DisplayStatus } from "../../format/display-status.js";
import { exactCount, plural } from "../../format/numbers.js";
import { connectTo, type ServerConnection } from "./connect-to.js";
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
  const connection = connectTo(request.server);
  const listed: WatchedJob[] = [];
  let count = 0;
  for await (const { nodes, totalCount, hasNextPage } of pagesOf(request, connection)) {
    const wanted = nodes.slice(0, limit - count);
    count += wanted.length;
    if (json) await out.write(wanted.map((job) => `${sanitizedJson(asWatched(job))}\n`).join(""));
    else listed.push(...wanted.map(withoutTree));
    if (!out.isOpen()) return;
    if (count < limit) continue;
    if (!json) await out.write(tableOf(listed, out));
    if (hasNextPage || nodes.length > wanted.length) hint(moreText(limit, totalCount));
    return;
  }
  if (json) return;
  await out.write(count > 0 ? tableOf(listed, out) : await emptyText(request, connection));
}

function moreText(limit: number, totalCount: number | undefined): string {
  const total = totalCount === undefined ? "jobs" : `of ${plural(totalCount, "job")}`;
  return `Showing the newest ${exactCount(limit)} ${total}. Pass --all to list all.\n`;
}

/** A job that is missing from the list is often in another database. */
async function emptyText(
  { server: { database }, filter }: ListRequest,
  connection: ServerConnection,
): Promise<string> {
  const { databases } = await connection.request(ListDatabasesDocument, {});
  const others = databases?.filter(({ name, taskCount }) => taskCount > 0 && name !== database) ?? [];
  const name = sanitizeForTerminal(database);
  return [
    Object.keys(filter).length > 0
      ? `No matching jobs in the database ${name}.`
      : `No jobs in the database ${name}. Report one with: tidemark run -- COMMAND`,
    ...others.map(
      (one) =>
        `There ${one.taskCount === 1 ? "is" : "are"} ${plural(one.taskCount, "job")} in --database ${sanitizeForTerminal(one.name)}.`,
    ),
    ...(others.length > 0 ? ["List all databases with: tidemark list --all-databases"] : []),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

function tableOf(jobs: readonly WatchedJob[], { columns, style }: Output): string {
  return jobTable(jobs, Date.now(), columns, style)
    .map((line) => `${line}\n`)
    .join("");
}

type Page = NonNullable<ListJobsQuery["tasks"]>;

interface ListedPage {
  readonly nodes: Page["nodes"];
  readonly hasNextPage: boolean;
  /** The number of matching jobs on all pages. Undefined if it is unknown. */
  readonly totalCount: number | undefined;
}

async function* pagesOf(
  { server: { database }, filter: { statuses, ...filter }, limit }: ListRequest,
  connection: ServerConnection,
): AsyncGenerator<ListedPage, void> {
  const first = pageSize(ListJobsDocument, await limitsOf(connection), Math.min(limit, PAGE_SIZE));
  const isWanted = (job: Page["nodes"][number]): boolean =>
    statuses === undefined || statuses.includes(displayStatusOf(job));
  const status = statuses && taskStatusesOf(statuses);
  let after: string | null | undefined;
  do {
    const { tasks }: ListJobsQuery = await connection.request(ListJobsDocument, {
      ...filter,
      database,
      status,
      first,
      after,
    });
    if (!tasks) return;
    const { nodes, totalCount, pageInfo } = tasks;
    const isCounted = !statuses?.some(isOpen);
    yield {
      nodes: nodes.filter(isWanted),
      hasNextPage: pageInfo.hasNextPage,
      totalCount: isCounted ? totalCount : undefined,
    };
    after = pageInfo.hasNextPage ? pageInfo.endCursor : undefined;
  } while (after);
}

/** The server filters by the status of the task; the health of open jobs is filtered here. */
function taskStatusesOf(statuses: readonly DisplayStatus[]): TaskStatus[] {
  const open: TaskStatus[] = statuses.some(isOpen) ? ["PENDING", "RUNNING"] : [];
  return [...open, ...statuses.filter((status) => !isOpen(status))];
}

function isOpen(status: DisplayStatus): status is "PENDING" | "RUNNING" | "SILENT" | "LOST" {
  return status === "PENDING" || status === "RUNNING" || status === "SILENT" || status === "LOST";
}

const PAGE_SIZE = 100;

/** The JSON of `list` has the fields of `show` and `watch`. */
function asWatched({ task, ...job }: Page["nodes"][number]): object {
  return { ...job, task: { ...task, progress: withRatio(task.progress) } };
}

function withoutTree(job: Page["nodes"][number]): WatchedJob {
  return { ...job, changedAt: job.reportedAt, task: watchedTaskOf(job.task) };
}
