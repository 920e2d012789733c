import { randomUUID } from "node:crypto";
import type { Action } from "../../auth/rights.js";

import type { Limits } from "../../protocol/limits.js";
import { TidemarkError, type ErrorExtensions } from "../../protocol/tidemark-error.js";
import type { TaskStore } from "../../store/task-store.js";
import { storeJob, type JobReport, type Report, type StoreRequest } from "../../tasks/job-changes.js";
import { parseDatabaseName, parseRequestId, type DatabaseName } from "../../tasks/names.js";
import { Stamp } from "../../tasks/stamp.js";
import type { UserTask } from "../../tasks/user-task.js";
import { builder } from "../builder.js";
import { maskError } from "../pipeline/mask-error.js";
import type { OperationContext, UserTaskView } from "../context.js";
import { DATABASE_DESCRIPTION, parseJobAddress, parseOptional, type JobAddress } from "./job-arguments.js";
import { checkBound, checkRange } from "./ranges.js";
import { shareJob } from "./share-job.js";
import {
  AddTasksInputType,
  JobInputType,
  RequestCancelInputType,
  ShareJobInputType,
  StoreTaskInputType,
  UpdateTaskInputType,
} from "../types/inputs.js";
import {
  AddTasksPayloadType,
  DeleteDatabasePayloadType,
  PurgeDatabasePayloadType,
  RemoveTaskPayloadType,
  RequestCancelPayloadType,
  ShareJobPayloadType,
  StoreTaskPayloadType,
  UpdateTaskPayloadType,
  UpdateTaskResultType,
  type JobPayload,
  type UpdateTaskResult,
} from "../types/payloads.js";

/**
 * Mutations parse all arguments before they open a store, so an invalid request changes nothing. Only storing
 * a job creates a database.
 */
builder.mutationType({
  description:
    "Write operations. A mutation returns once its change is as durable as the server's store makes it. Subscribers receive the change only then. The server checks the selection first: if one of its arguments is invalid, it rejects the whole operation, and if a job would make the answer list too many tasks and log lines, it rejects the change of that job. Root fields are nullable so that one rejected field does not discard the results of the others. An error with `extensions.applied` is about the result only: the change was applied.",
  fields: (t) => ({
    storeTask: t.field({
      type: StoreTaskPayloadType,
      nullable: true,
      description:
        "Stores a job with its whole task tree, and overwrites an earlier one with the same job id.",
      args: { input: t.arg({ type: StoreTaskInputType, required: true, description: "The job." }) },
      resolve: async (_, { input }, context) => {
        const request = parseStoreRequest(input, context);
        if (!context.writer.peek("report", request)) validateTree(request, context);
        const store = await context.writer.getTaskStore("report", request);
        return jobPayload(await store.store(request, context.admit), context);
      },
    }),
    updateTask: t.field({
      type: UpdateTaskPayloadType,
      nullable: true,
      description: "Applies a worker's report, either all of it or nothing.",
      args: { input: t.arg({ type: UpdateTaskInputType, required: true, description: "The report." }) },
      resolve: (_, { input }, context) => update(input, context),
    }),
    updateTasks: t.field({
      type: [UpdateTaskResultType],
      nullable: true,
      description:
        "Applies many reports in order, each either as a whole or not at all. A rejected report does not affect the others. Each result says whether its report was applied. A report whose job would make the answer list too many tasks and log lines is rejected with LIMIT_EXCEEDED.",
      args: {
        inputs: t.arg({
          type: [UpdateTaskInputType],
          required: true,
          description: "The reports, at most 1,000. The results are in the same order.",
        }),
      },
      resolve: (_, { inputs }, context) => updateAll(inputs, context),
    }),
    addTasks: t.field({
      type: AddTasksPayloadType,
      nullable: true,
      description: "Appends tasks below a task that has not ended, so that a tree can grow while it runs.",
      args: { input: t.arg({ type: AddTasksInputType, required: true, description: "The new tasks." }) },
      resolve: async (_, { input }, context) => {
        const key = parseJobAddress(input, context);
        const requestId = parseOptional(parseRequestId, input.requestId, context.services.limits) ?? null;
        const growth = { attempt: input.attempt ?? null, path: input.path, specs: input.tasks, requestId };
        const store = await existingStore("report", key, context);
        return jobPayload(await store.addTasks(key, growth, context.admit), context);
      },
    }),
    removeTask: t.field({
      type: RemoveTaskPayloadType,
      nullable: true,
      description: "Removes a job at once, whatever its status. Removing it again is not an error.",
      args: { input: t.arg({ type: JobInputType, required: true, description: "The job." }) },
      resolve: async (_, { input }, context) => {
        const key = parseJobAddress(input, context);
        const store = await context.writer.find("remove", key);
        const removed = await store?.remove(key, { attempt: input.attempt ?? null }, context.admit);
        return { userTask: removed ? viewOf(removed, context) : null };
      },
    }),
    requestCancel: t.field({
      type: RequestCancelPayloadType,
      nullable: true,
      description:
        "Asks the worker to stop. The worker answers with CANCELED, or ends the job in another way. A second request does not replace the first. After the end of the job, a request fails with ILLEGAL_TRANSITION. Storing the job again clears the request.",
      args: {
        input: t.arg({
          type: RequestCancelInputType,
          required: true,
          description: "The job and the reason.",
        }),
      },
      resolve: async (_, { input }, context) => {
        const key = parseJobAddress(input, context);
        const request = {
          attempt: input.attempt ?? null,
          by: context.caller.username,
          reason: input.reason ?? null,
        };
        const store = await existingStore("cancel", key, context);
        return jobPayload(await store.requestCancel(key, request, context.admit), context);
      },
    }),
    shareJob: t.field({
      type: ShareJobPayloadType,
      nullable: true,
      description:
        "Makes a link that shows one job, read-only, until it expires. The caller must be permitted to report the job. Fails with NOT_FOUND if the caller sees no such job, and with LIMIT_EXCEEDED if the caller's user has too many valid links. On a server without authentication, it returns the address of the job.",
      args: { input: t.arg({ type: ShareJobInputType, required: true, description: "The job." }) },
      resolve: (_, { input }, context) => shareJob(input, context),
    }),
    purgeDatabase: t.field({
      type: PurgeDatabasePayloadType,
      nullable: true,
      description: "Removes all jobs of a database, which is then no longer listed.",
      args: { database: t.arg.string({ required: true, description: DATABASE_DESCRIPTION }) },
      resolve: async (_, args, { writer, services: { limits } }) => ({
        removed: await writer.purge(parseDatabaseName(args.database, limits)),
      }),
    }),
    deleteDatabase: t.field({
      type: DeleteDatabasePayloadType,
      nullable: true,
      description:
        "Deletes a database with everything in it, even if the server cannot open it, and frees its name. Watchers receive a Reset with EPOCH_CHANGED, as does a subscription that resumes from an earlier position.",
      args: { database: t.arg.string({ required: true, description: DATABASE_DESCRIPTION }) },
      resolve: async (_, args, { writer, services: { limits } }) => ({
        deleted: await writer.delete(parseDatabaseName(args.database, limits)),
      }),
    }),
  }),
});

type StoreTaskInput = typeof StoreTaskInputType.$inferInput;
type UpdateTaskInput = typeof UpdateTaskInputType.$inferInput;

const LEASE_SECONDS_MAX = 7 * 24 * 60 * 60;

function parseStoreRequest(input: StoreTaskInput, context: OperationContext): StoreRequest {
  const { leaseMs, limits } = context.services;
  const { leaseSeconds } = input;
  if (typeof leaseSeconds === "number") checkRange("leaseSeconds", leaseSeconds, 1, LEASE_SECONDS_MAX);
  return {
    ...parseJobAddress({ ...input, jobId: input.jobId ?? randomUUID() }, context),
    spec: input.task,
    onConflict: input.onConflict,
    memory: input.memory ?? null,
    leaseMs: typeof leaseSeconds === "number" ? leaseSeconds * 1_000 : leaseMs,
    requestId: parseOptional(parseRequestId, input.requestId, limits) ?? null,
  };
}

/** Checks the tree first, because an invalid one must not open a store. */
function validateTree(request: StoreRequest, { now, services: { limits } }: OperationContext): void {
  storeJob(undefined, request, { now, stamp: new Stamp(), limits });
}

async function update(input: UpdateTaskInput, context: OperationContext): Promise<JobPayload | null> {
  const { key, report } = parseJobReport(input, context);
  const store = openStore(key, context) ?? (await existingStore("report", key, context));
  return jobPayload(await store.update(key, report, context.admit), context);
}

/** Passes all reports on one database to its store together, in order, so that they share a commit. */
async function updateAll(
  inputs: readonly UpdateTaskInput[],
  context: OperationContext,
): Promise<UpdateTaskResult[]> {
  const { limits } = context.services;
  checkBound((count) => `The request has ${count} inputs`, inputs.length, "inputsPerRequestMax", limits);
  const outcomes: UpdateOutcome[] = [];
  const groups = new Map<DatabaseName, ReportGroup>();
  inputs.forEach((input, index) => {
    try {
      const report = parseJobReport(input, context);
      context.writer.check("report", report.key);
      addTo(groups, report, index);
    } catch (reason) {
      outcomes[index] = { status: "rejected", reason };
    }
  });
  const updates = Array.from(groups.values(), async ({ reports, indexes }) => {
    const settled = await updateIn(reports, context);
    settled.forEach((outcome, index) => (outcomes[indexes[index]!] = outcome));
  });
  await Promise.all(updates);
  return outcomes.map((outcome) => resultOf(outcome, context));
}

/** The reports on one database, and their indexes among the inputs. */
interface ReportGroup {
  readonly reports: [AddressedReport, ...AddressedReport[]];
  readonly indexes: number[];
}

function addTo(groups: Map<DatabaseName, ReportGroup>, report: AddressedReport, index: number): void {
  const { database } = report.key;
  const group = groups.get(database);
  if (!group) return void groups.set(database, { reports: [report], indexes: [index] });
  group.reports.push(report);
  group.indexes.push(index);
}

/** If the database does not exist or can't be opened, each of its reports fails with that error. */
async function updateIn(
  reports: ReportGroup["reports"],
  context: OperationContext,
): Promise<readonly UpdateOutcome[]> {
  try {
    const store = await existingStore("report", reports[0].key, context);
    return await store.updateAll(reports, context.admit);
  } catch (reason) {
    return reports.map(() => ({ status: "rejected", reason }));
  }
}

type UpdateOutcome = PromiseSettledResult<UserTask | null>;

/** Returns a rejection as a result. A defect is one too: the other reports may have been applied. */
function resultOf(outcome: UpdateOutcome, context: OperationContext): UpdateTaskResult {
  if (outcome.status === "fulfilled") {
    return { userTask: outcome.value && viewOf(outcome.value, context), error: null };
  }
  const { observer, log } = context.services;
  const { message, extensions } = maskError(outcome.reason, log);
  observer.failed(extensions);
  const { code, limit = null } = extensions as unknown as ErrorExtensions; // safe: it is masked
  return { userTask: null, error: { code, message, limit } };
}

interface AddressedReport extends JobReport {
  readonly key: JobAddress;
}

function parseJobReport(input: UpdateTaskInput, context: OperationContext): AddressedReport {
  return { key: parseJobAddress(input, context), report: parseReport(input, context.services.limits) };
}

function parseReport(input: UpdateTaskInput, limits: Limits): Report {
  const updates = input.updates ?? NONE;
  const log = input.log ?? NONE;
  checkBound((count) => `The input has ${count} updates`, updates.length, "updatesPerInputMax", limits);
  checkBound((count) => `The input has ${count} log lines`, log.length, "logLinesPerInputMax", limits);
  const requestId = parseOptional(parseRequestId, input.requestId, limits) ?? null;
  return { attempt: input.attempt ?? null, updates, log, requestId };
}

const NONE: readonly never[] = [];

/** The store of a non-empty database if it is open, as it nearly always is. */
function openStore(key: JobAddress, { writer }: OperationContext): TaskStore | undefined {
  const store = writer.peek("report", key);
  return store && store.position.revision > 0 ? store : undefined;
}

/** @throws TidemarkError FORBIDDEN; NOT_FOUND if nothing was ever stored in the database. */
async function existingStore(
  action: Action,
  key: JobAddress,
  { writer }: OperationContext,
): Promise<TaskStore> {
  const store = await writer.find(action, key);
  if (store) return store;
  throw new TidemarkError(
    "NOT_FOUND",
    `Database ${JSON.stringify(key.database)} has no jobs. Store the job first, or check the spelling of the name.`,
  );
}

/** null if tracking is off. */
function jobPayload(userTask: UserTask | null, context: OperationContext): JobPayload | null {
  return userTask && { userTask: viewOf(userTask, context) };
}

/** A job is shown as of its change, which happens after the start of the operation. */
function viewOf(userTask: UserTask, { now }: OperationContext): UserTaskView {
  return { userTask, now: Math.max(now, userTask.changedAt) };
}
