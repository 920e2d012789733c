import { ORIGIN } from "../protocol/position.js";
import { TidemarkError } from "../protocol/tidemark-error.js";
import type { PageWindow, TaskStore, UserTaskPage } from "../store/task-store.js";
import { parseDatabaseName, parseJobId, type DatabaseName } from "../tasks/names.js";
import { builder } from "./builder.js";
import type { OperationContext, UserTaskView } from "./context.js";
import {
  DATABASE,
  FILTER_JOB_ID,
  FILTER_STATUS,
  FILTER_USERNAME,
  JOB_ID,
  NODE_ID,
  parseFilter,
  parseJobAddress,
  parseOptional,
  USERNAME,
  type JobAddress,
} from "./names.js";
import { parseUserTaskId } from "./node-id.js";
import { readPage } from "./page.js";
import { checkBound, checkSize } from "./ranges.js";
import { NotYetRead, type Reader } from "./reader.js";
import { DatabaseType, type Database } from "./types/database.js";
import { TaskStatusType } from "./types/enums.js";
import { NodeType } from "./types/node.js";
import { detailRows, ProgressRowType, summaryRow, type ProgressRow } from "./types/progress-row.js";
import { UserTaskConnectionType } from "./types/user-task-connection.js";
import { UserTaskType } from "./types/user-task.js";

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
      args: { id: t.arg.id({ required: true, description: `The id of a job. ${NODE_ID}` }) },
      resolve: (_, { id }, context) => findJob(parseUserTaskId(id, context.services.limits), context),
    }),
    nodes: t.field({
      type: [NodeType],
      nullable: { list: false, items: true },
      description: "The jobs with these ids, in their order; null in the place of one that is not there.",
      args: { ids: t.arg.idList({ required: true, description: `Ids of jobs, up to 100. ${NODE_ID}` }) },
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
        const names = reader.databases().filter((name) => name > last);
        return databaseViews(names.slice(0, first), reader);
      },
    }),
    database: t.field({
      type: DatabaseType,
      nullable: true,
      description: "The database with this name; null when it has no jobs.",
      args: { name: t.arg.string({ required: true, description: DATABASE }) },
      resolve: (_, args, { reader, services }) => {
        const name = parseDatabaseName(args.name, services.limits);
        const store = reader.store(name);
        return store && store.taskCount() > 0 ? { name, store: () => store } : null;
      },
    }),
    taskCount: t.int({
      nullable: true,
      description: "How many jobs a database has.",
      args: {
        database: t.arg.string({ required: true, description: DATABASE }),
        username: t.arg.string({ description: FILTER_USERNAME }),
        jobId: t.arg.id({ description: FILTER_JOB_ID }),
        status: t.arg({ type: [TaskStatusType], description: FILTER_STATUS }),
      },
      resolve: (_, args, { reader, services: { limits } }) => {
        const filter = parseFilter(args, limits);
        return reader.store(parseDatabaseName(args.database, limits))?.taskCount(filter) ?? 0;
      },
    }),
    tasks: t.field({
      type: UserTaskConnectionType,
      nullable: true,
      description:
        "The jobs of a database, newest store first, a page at a time: `first` or `last`, 1 to 100; 50 when neither is given.",
      args: {
        database: t.arg.string({ required: true, description: DATABASE }),
        username: t.arg.string({ description: FILTER_USERNAME }),
        jobId: t.arg.id({ description: FILTER_JOB_ID }),
        status: t.arg({ type: [TaskStatusType], description: FILTER_STATUS }),
        first: t.arg.int({ description: "This many from the newest on; not together with `last`." }),
        after: t.arg.string({ description: 'Only jobs older than this cursor\'s. For example "1042".' }),
        last: t.arg.int({ description: "This many, the oldest there are; not together with `first`." }),
        before: t.arg.string({ description: 'Only jobs newer than this cursor\'s. For example "1042".' }),
      },
      resolve: (_, args, { now, reader, services: { limits } }) => {
        const filter = parseFilter(args, limits);
        const store = reader.store(parseDatabaseName(args.database, limits));
        const read = (window: PageWindow): UserTaskPage => store?.page(filter, window) ?? NO_JOBS;
        return {
          ...readPage(args, limits, read),
          now,
          position: store?.position ?? ORIGIN,
          totalCount: () => store?.taskCount(filter) ?? 0,
        };
      },
    }),
    task: t.field({
      type: UserTaskType,
      nullable: true,
      description: "One job; null when it is not there.",
      args: {
        database: t.arg.string({ required: true, description: DATABASE }),
        username: t.arg.string({ required: true, description: USERNAME }),
        jobId: t.arg.id({ required: true, description: JOB_ID }),
      },
      resolve: (_, args, context) => findJob(parseJobAddress(args, context), context),
    }),
    listProgress: t.field({
      type: [ProgressRowType],
      nullable: true,
      description:
        "Answers as Neo4j's gds.listProgress does. Without a jobId (or with a blank one) a row a job, newest store first; with one, a row a task, as a tree, for every user's job with that id. NOT_FOUND for a job id that is not there.",
      args: {
        database: t.arg.string({ required: true, description: DATABASE }),
        jobId: t.arg.id({ description: JOB_ID }),
        first: t.arg.int({ required: true, defaultValue: 1000, description: "How many rows, from 1." }),
      },
      resolve: (_, args, context) => {
        const { limits } = context.services;
        checkSize("first", args.first, "rowsMax", limits);
        const store = context.reader.store(parseDatabaseName(args.database, limits));
        const isSummary = !args.jobId?.trim();
        return isSummary
          ? summary(store, args.first, context)
          : detail(store, args.jobId!, args.first, context);
      },
    }),
  }),
});

const NO_JOBS: UserTaskPage = { userTasks: [], hasNewer: false, hasOlder: false };

function findJob({ database, ...key }: JobAddress, { now, reader }: OperationContext): UserTaskView | null {
  const userTask = reader.store(database)?.get(key);
  return userTask ? { userTask, now } : null;
}

function findJobs(ids: readonly string[], context: OperationContext): (UserTaskView | null)[] {
  const { limits } = context.services;
  checkBound((count) => `${count} ids are given`, ids.length, "nodesPerRequestMax", limits);
  const addresses = ids.map((id) => parseUserTaskId(id, limits));
  readStores(
    addresses.map(({ database }) => database),
    context.reader,
  );
  return addresses.map((address) => findJob(address, context));
}

/** The stores are opened when more than a name is asked for, and then those of the whole page at once. */
function databaseViews(names: readonly DatabaseName[], reader: Reader): Database[] {
  let stores: ReadonlyMap<DatabaseName, TaskStore | undefined> | undefined;
  return names.map((name) => ({
    name,
    store: () => (stores ??= readStores(names, reader)).get(name),
  }));
}

/** Asks for every store before the run ends, so that one wait opens all that are missing. @throws NotYetRead */
function readStores(
  databases: readonly DatabaseName[],
  reader: Reader,
): ReadonlyMap<DatabaseName, TaskStore | undefined> {
  const stores = new Map<DatabaseName, TaskStore | undefined>();
  let notYet: NotYetRead | undefined;
  for (const database of new Set(databases)) {
    try {
      stores.set(database, reader.store(database));
    } catch (error) {
      if (!(error instanceof NotYetRead)) throw error;
      notYet = error;
    }
  }
  if (notYet) throw notYet;
  return stores;
}

function summary(
  store: TaskStore | undefined,
  first: number,
  { now, budget }: OperationContext,
): ProgressRow[] {
  budget.spend(Math.min(first, store?.taskCount() ?? 0));
  const page = store?.page({}, { count: first, from: "newest" }) ?? NO_JOBS;
  return page.userTasks.map((userTask) => summaryRow({ userTask, now }));
}

function detail(
  store: TaskStore | undefined,
  jobIdText: string,
  first: number,
  { now, services, budget }: OperationContext,
): ProgressRow[] {
  const jobId = parseJobId(jobIdText, services.limits);
  const rows: ProgressRow[] = [];
  for (const userTask of store?.query({ jobId }) ?? []) {
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
