import { ORIGIN } from "../../protocol/position.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import type { PageWindow, UserTaskPage } from "../../store/task-store.js";
import { parseDatabaseName, parseJobId, type DatabaseName } from "../../tasks/names.js";
import { builder } from "../builder.js";
import type { OperationContext, UserTaskView } from "../context.js";
import {
  DATABASE_DESCRIPTION,
  FILTER_JOB_ID_DESCRIPTION,
  FILTER_STATUS_DESCRIPTION,
  FILTER_USERNAME_DESCRIPTION,
  JOB_ID_DESCRIPTION,
  NODE_ID_DESCRIPTION,
  parseFilter,
  parseJobAddress,
  parseOptional,
  USERNAME_DESCRIPTION,
  type JobAddress,
} from "./job-arguments.js";
import { parseUserTaskId } from "./node-id.js";
import { readPage } from "./page.js";
import { checkBound, NAMES_PER_PAGE, sizeWithin } from "./ranges.js";
import type { Reader } from "./reader.js";
import { EMPTY_PAGE, type ReadableJobs } from "./scoped-jobs.js";
import { ServerInfoType } from "../types/server-info.js";
import { DatabaseType, type Database } from "../types/database.js";
import { TaskStatusType } from "../types/enums.js";
import { detailRows, ProgressRowType, summaryRow, type ProgressRow } from "../types/progress-row.js";
import { UserTaskConnectionType } from "../types/user-task-connection.js";
import { NodeType, UserTaskType } from "../types/user-task.js";

const ROWS = { defaultValue: 1000, limit: "rowsMax" } as const;

/**
 * Resolvers of queries are synchronous. They read open stores through the reader, which throws NotYetRead if a
 * store must be opened first (law 3).
 */
builder.queryType({
  description:
    "Read operations. Database names are lower-cased and then NFC-normalized, and are returned in that form; usernames and job ids are NFC-normalized and keep their case. Reading never creates a database. A database without jobs has no tasks and a count of 0, and `database` returns null for it. A query operation reads each database at one revision, even with several root fields. A field that fails is null and does not affect the others.",
  fields: (t) => ({
    server: t.field({
      type: ServerInfoType,
      description: "The server's version and limits.",
      resolve: (_, __, { services }) => services,
    }),
    node: t.field({
      type: NodeType,
      nullable: true,
      description: "The job with this id; null if it does not exist.",
      args: { id: t.arg.id({ required: true, description: `The id of a job. ${NODE_ID_DESCRIPTION}` }) },
      resolve: (_, { id }, context) => findJob(parseUserTaskId(id, context.services.limits), context),
    }),
    nodes: t.field({
      type: [NodeType],
      nullable: { list: true, items: true },
      description: "The jobs with these ids, in the same order; null for each that does not exist.",
      args: {
        ids: t.arg.idList({
          required: true,
          description: `Ids of jobs, at most 100. ${NODE_ID_DESCRIPTION}`,
        }),
      },
      resolve: (_, { ids }, context) => findJobs(ids, context),
    }),
    databases: t.field({
      type: [DatabaseType],
      nullable: true,
      description:
        "The databases that have jobs or cannot be opened, in alphabetical order. To read the next page, set `after` to the last name.",
      args: {
        first: t.arg.int({
          required: true,
          defaultValue: NAMES_PER_PAGE.defaultValue,
          description: "Maximum number of names, from 0.",
        }),
        after: t.arg.string({
          description: 'Only names after this one; all if empty. For example "movies".',
        }),
      },
      resolve: (_, { first, after }, { reader, services: { limits } }) => {
        const size = sizeWithin("first", first, NAMES_PER_PAGE, limits);
        const last = parseOptional(parseDatabaseName, after || null, limits) ?? "";
        return databaseViews(reader.databases(size, last), reader);
      },
    }),
    database: t.field({
      type: DatabaseType,
      nullable: true,
      description: "The database with this name; null if it has no jobs.",
      args: { name: t.arg.string({ required: true, description: DATABASE_DESCRIPTION }) },
      resolve: (_, args, { reader, services }) => {
        const name = parseDatabaseName(args.name, services.limits);
        const jobs = reader.jobs(name);
        return jobs && jobs.taskCount() > 0 ? { name, unavailable: () => null, jobs: () => jobs } : null;
      },
    }),
    taskCount: t.int({
      nullable: true,
      description: "The number of jobs in a database.",
      args: {
        database: t.arg.string({ required: true, description: DATABASE_DESCRIPTION }),
        username: t.arg.string({ description: FILTER_USERNAME_DESCRIPTION }),
        jobId: t.arg.id({ description: FILTER_JOB_ID_DESCRIPTION }),
        status: t.arg({ type: [TaskStatusType], description: FILTER_STATUS_DESCRIPTION }),
      },
      resolve: (_, args, { reader, services: { limits } }) => {
        const filter = parseFilter(args, limits);
        return reader.jobs(parseDatabaseName(args.database, limits))?.taskCount(filter) ?? 0;
      },
    }),
    tasks: t.field({
      type: UserTaskConnectionType,
      nullable: true,
      description:
        "The jobs of a database, most recently stored first, one page at a time: `first` or `last`, 0 to 100; 50 if neither is given. With `first: 0`, only `totalCount`, `position` and `pageInfo` are of use.",
      args: {
        database: t.arg.string({ required: true, description: DATABASE_DESCRIPTION }),
        username: t.arg.string({ description: FILTER_USERNAME_DESCRIPTION }),
        jobId: t.arg.id({ description: FILTER_JOB_ID_DESCRIPTION }),
        status: t.arg({ type: [TaskStatusType], description: FILTER_STATUS_DESCRIPTION }),
        first: t.arg.int({ description: "This many jobs, from the newest; not together with `last`." }),
        after: t.arg.string({
          description: 'Only jobs older than this cursor\'s; all if empty. For example "1042".',
        }),
        last: t.arg.int({ description: "This many jobs, from the oldest; not together with `first`." }),
        before: t.arg.string({
          description: 'Only jobs newer than this cursor\'s; all if empty. For example "1042".',
        }),
      },
      resolve: (_, args, { now, reader, services: { limits } }) => {
        const filter = parseFilter(args, limits);
        const jobs = reader.jobs(parseDatabaseName(args.database, limits));
        const read = (window: PageWindow): UserTaskPage => jobs?.page(filter, window) ?? EMPTY_PAGE;
        return {
          ...readPage(args, limits, read),
          now,
          position: jobs?.position ?? ORIGIN,
          totalCount: () => jobs?.taskCount(filter) ?? 0,
        };
      },
    }),
    task: t.field({
      type: UserTaskType,
      nullable: true,
      description: "One job; null if it does not exist.",
      args: {
        database: t.arg.string({ required: true, description: DATABASE_DESCRIPTION }),
        username: t.arg.string({ required: true, description: USERNAME_DESCRIPTION }),
        jobId: t.arg.id({ required: true, description: JOB_ID_DESCRIPTION }),
      },
      resolve: (_, args, context) => findJob(parseJobAddress(args, context), context),
    }),
    listProgress: t.field({
      type: [ProgressRowType],
      nullable: true,
      description:
        "The same rows as Neo4j's gds.listProgress. Without a jobId, or with a blank one: a row per job, most recently stored first. With a jobId: a row per task, as a tree, for every user's job with that id; fails with NOT_FOUND if no such job exists.",
      args: {
        database: t.arg.string({ required: true, description: DATABASE_DESCRIPTION }),
        jobId: t.arg.id({ description: JOB_ID_DESCRIPTION }),
        first: t.arg.int({
          required: true,
          defaultValue: ROWS.defaultValue,
          description: "Maximum number of rows, from 0.",
        }),
      },
      resolve: (_, args, context) => {
        const { limits } = context.services;
        const first = sizeWithin("first", args.first, ROWS, limits);
        const jobs = context.reader.jobs(parseDatabaseName(args.database, limits));
        const isSummary = !args.jobId?.trim();
        return isSummary ? summary(jobs, first, context) : detail(jobs, args.jobId!, first, context);
      },
    }),
  }),
});

function findJob({ database, ...key }: JobAddress, { now, reader }: OperationContext): UserTaskView | null {
  const userTask = reader.jobs(database)?.get(key);
  return userTask ? { userTask, now } : null;
}

function findJobs(ids: readonly string[], context: OperationContext): (UserTaskView | null)[] {
  const { limits } = context.services;
  checkBound((count) => `The request has ${count} ids`, ids.length, "nodesPerRequestMax", limits);
  const addresses = ids.map((id) => parseUserTaskId(id, limits));
  context.reader.jobsOf(addresses.map(({ database }) => database));
  return addresses.map((address) => findJob(address, context));
}

/**
 * Opens the databases of the whole page together, and only if a client selects more than their names. It does not try
 * those again that could not be opened.
 */
function databaseViews(names: readonly DatabaseName[], reader: Reader): Database[] {
  let jobs: ReadonlyMap<DatabaseName, ReadableJobs | undefined> | undefined;
  const openAll = (): typeof jobs => reader.jobsOf(names.filter((name) => reader.unavailable(name) === null));
  return names.map((name) => ({
    name,
    unavailable: () => reader.unavailable(name),
    jobs: () => (jobs ??= openAll())?.get(name),
  }));
}

function summary(
  jobs: ReadableJobs | undefined,
  first: number,
  { now, budget }: OperationContext,
): ProgressRow[] {
  budget.spend(Math.min(first, jobs?.taskCount() ?? 0));
  const page = jobs?.page({}, { count: first, from: "newest" }) ?? EMPTY_PAGE;
  return page.userTasks.map((userTask) => summaryRow({ userTask, now }));
}

function detail(
  jobs: ReadableJobs | undefined,
  jobIdText: string,
  first: number,
  { now, services, budget }: OperationContext,
): ProgressRow[] {
  const jobId = parseJobId(jobIdText, services.limits);
  const userTasks = jobs?.query({ jobId }) ?? [];
  if (userTasks.length === 0) throw noSuchJob(jobId);
  const rows: ProgressRow[] = [];
  for (const userTask of userTasks) {
    if (rows.length >= first) break;
    budget.spend(Math.min(userTask.task.taskCount, first - rows.length));
    rows.push(...detailRows({ userTask, now }));
  }
  return rows.slice(0, first);
}

function noSuchJob(jobId: string): TidemarkError {
  return new TidemarkError(
    "NOT_FOUND",
    `No task with job id \`${jobId}\` was found. It may not be stored yet, or it may have expired. Omit jobId to list all jobs.`,
  );
}
