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
import { checkBound, checkSize } from "./ranges.js";
import type { Reader } from "./reader.js";
import { EMPTY_PAGE, type ReadableJobs } from "./scoped-jobs.js";
import { DatabaseType, type Database } from "../types/database.js";
import { TaskStatusType } from "../types/enums.js";
import { NodeType } from "../types/node.js";
import { detailRows, ProgressRowType, summaryRow, type ProgressRow } from "../types/progress-row.js";
import { UserTaskConnectionType } from "../types/user-task-connection.js";
import { UserTaskType } from "../types/user-task.js";

/**
 * What can be asked. Resolvers are plain functions: they read open stores through the reader, which ends the
 * run with NotYetRead where one has still to be opened (law 3).
 */
builder.queryType({
  description:
    "What can be asked. Database names are lower-cased, then NFC-normalised, and given back so; usernames and job ids are NFC-normalised and keep their case. Reading never creates a database: one that nothing was stored in has no tasks, counts 0, and `database` gives null, as it does after a purge. One query operation reads each database at one revision, whatever its root fields.",
  fields: (t) => ({
    node: t.field({
      type: NodeType,
      nullable: true,
      description: "The job with this id; null when it is not there.",
      args: { id: t.arg.id({ required: true, description: `The id of a job. ${NODE_ID_DESCRIPTION}` }) },
      resolve: (_, { id }, context) => findJob(parseUserTaskId(id, context.services.limits), context),
    }),
    nodes: t.field({
      type: [NodeType],
      nullable: { list: false, items: true },
      description: "The jobs with these ids, in their order; null in the place of one that is not there.",
      args: {
        ids: t.arg.idList({ required: true, description: `Ids of jobs, up to 100. ${NODE_ID_DESCRIPTION}` }),
      },
      resolve: (_, { ids }, context) => findJobs(ids, context),
    }),
    databases: t.field({
      type: [DatabaseType],
      description: "The databases that have jobs, by name; `after` is the last name you have.",
      args: {
        first: t.arg.int({ required: true, defaultValue: 100, description: "How many, from 1." }),
        after: t.arg.string({ description: 'Only names after this one. For example "movies".' }),
      },
      resolve: (_, { first, after }, { reader, services: { limits } }) => {
        checkSize("first", first, "pageSizeMax", limits);
        const last = parseOptional(parseDatabaseName, after, limits) ?? "";
        return databaseViews(reader.databases(first, last), reader);
      },
    }),
    database: t.field({
      type: DatabaseType,
      nullable: true,
      description: "The database with this name; null when it has no jobs.",
      args: { name: t.arg.string({ required: true, description: DATABASE_DESCRIPTION }) },
      resolve: (_, args, { reader, services }) => {
        const name = parseDatabaseName(args.name, services.limits);
        const jobs = reader.jobs(name);
        return jobs && jobs.taskCount() > 0 ? { name, jobs: () => jobs } : null;
      },
    }),
    taskCount: t.int({
      nullable: true,
      description: "How many jobs a database has.",
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
        "The jobs of a database, newest store first, a page at a time: `first` or `last`, 1 to 100; 50 when neither is given.",
      args: {
        database: t.arg.string({ required: true, description: DATABASE_DESCRIPTION }),
        username: t.arg.string({ description: FILTER_USERNAME_DESCRIPTION }),
        jobId: t.arg.id({ description: FILTER_JOB_ID_DESCRIPTION }),
        status: t.arg({ type: [TaskStatusType], description: FILTER_STATUS_DESCRIPTION }),
        first: t.arg.int({ description: "This many from the newest on; not together with `last`." }),
        after: t.arg.string({ description: 'Only jobs older than this cursor\'s. For example "1042".' }),
        last: t.arg.int({ description: "This many, the oldest there are; not together with `first`." }),
        before: t.arg.string({ description: 'Only jobs newer than this cursor\'s. For example "1042".' }),
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
      description: "One job; null when it is not there.",
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
        "Answers as Neo4j's gds.listProgress does. Without a jobId (or with a blank one) a row a job, newest store first; with one, a row a task, as a tree, for every user's job with that id. NOT_FOUND for a job id that is not there.",
      args: {
        database: t.arg.string({ required: true, description: DATABASE_DESCRIPTION }),
        jobId: t.arg.id({ description: JOB_ID_DESCRIPTION }),
        first: t.arg.int({ required: true, defaultValue: 1000, description: "How many rows, from 1." }),
      },
      resolve: (_, args, context) => {
        const { limits } = context.services;
        checkSize("first", args.first, "rowsMax", limits);
        const jobs = context.reader.jobs(parseDatabaseName(args.database, limits));
        const isSummary = !args.jobId?.trim();
        return isSummary
          ? summary(jobs, args.first, context)
          : detail(jobs, args.jobId!, args.first, context);
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
  checkBound((count) => `${count} ids are given`, ids.length, "nodesPerRequestMax", limits);
  const addresses = ids.map((id) => parseUserTaskId(id, limits));
  context.reader.jobsOf(addresses.map(({ database }) => database));
  return addresses.map((address) => findJob(address, context));
}

/** The databases are opened when more than a name is asked for, and then those of the whole page at once. */
function databaseViews(names: readonly DatabaseName[], reader: Reader): Database[] {
  let jobs: ReadonlyMap<DatabaseName, ReadableJobs | undefined> | undefined;
  return names.map((name) => ({ name, jobs: () => (jobs ??= reader.jobsOf(names)).get(name) }));
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
  const rows: ProgressRow[] = [];
  for (const userTask of jobs?.query({ jobId }) ?? []) {
    if (rows.length >= first) break;
    budget.spend(Math.min(userTask.task.taskCount, first - rows.length));
    rows.push(...detailRows({ userTask, now }));
  }
  if (rows.length === 0) throw noSuchJob(jobId);
  return rows.slice(0, first);
}

function noSuchJob(jobId: string): TidemarkError {
  return new TidemarkError(
    "NOT_FOUND",
    `No task with job id \`${jobId}\` was found. It may not have been stored yet, or be forgotten; leave jobId out to see what is there.`,
  );
}
