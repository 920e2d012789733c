import { randomUUID } from "node:crypto";
import type { Limits } from "../protocol/limits.js";
import { TidemarkError } from "../protocol/tidemark-error.js";
import type { TaskStore } from "../store/task-store.js";
import { storeJob, type Report, type StoreRequest } from "../tasks/job-changes.js";
import { parseDatabaseName, parseRequestId, type DatabaseName } from "../tasks/names.js";
import { Stamp } from "../tasks/stamp.js";
import type { UserTask } from "../tasks/user-task.js";
import { builder } from "./builder.js";
import type { OperationContext, UserTaskView } from "./context.js";
import { DATABASE, parseJobAddress, parseOptional } from "./names.js";
import { checkBound, checkRange } from "./ranges.js";
import {
  AddTasksInputType,
  JobInputType,
  RequestCancelInputType,
  StoreTaskInputType,
  UpdateTaskInputType,
} from "./types/inputs.js";
import {
  AddTasksPayloadType,
  PurgeDatabasePayloadType,
  RemoveTaskPayloadType,
  RequestCancelPayloadType,
  StoreTaskPayloadType,
  UpdateTaskPayloadType,
  UpdateTaskResultType,
  type JobPayload,
  type UpdateTaskResult,
} from "./types/payloads.js";

/**
 * What can be changed. The arguments are read whole before a store is touched, so what is refused for its
 * form has done nothing; only storing a task creates a database.
 */
builder.mutationType({
  description:
    "What can be changed. A mutation answers when its change is as durable as the journal makes it, and subscribers hear of it only then. Roots are nullable so that one that is refused does not take the answers of the others with it.",
  fields: (t) => ({
    storeTask: t.field({
      type: StoreTaskPayloadType,
      nullable: true,
      description: "Stores a job: its whole task tree, over an earlier one with the same job id.",
      args: { input: t.arg({ type: StoreTaskInputType, required: true, description: "The job." }) },
      resolve: async (_, { input }, context) => {
        const request = parseStoreRequest(input, context);
        if (!context.services.provider.peek(request.database)) rehearse(request, context);
        const store = await context.services.provider.getTaskStore(request.database);
        return jobPayload(await store.store(request), context);
      },
    }),
    updateTask: t.field({
      type: UpdateTaskPayloadType,
      nullable: true,
      description: "Reports what a worker has done: all of the input or nothing of it.",
      args: { input: t.arg({ type: UpdateTaskInputType, required: true, description: "The report." }) },
      resolve: async (_, { input }, context) =>
        jobPayload(await update(input, context, (database) => existingStore(database, context)), context),
    }),
    updateTasks: t.field({
      type: [UpdateTaskResultType],
      nullable: true,
      description: "Many reports: in order, each whole or not at all; one refused does not refuse the rest.",
      args: {
        inputs: t.arg({
          type: [UpdateTaskInputType],
          required: true,
          description: "The reports, up to 1,000; the answers are in their order.",
        }),
      },
      resolve: (_, { inputs }, context) => updateAll(inputs, context),
    }),
    addTasks: t.field({
      type: AddTasksPayloadType,
      nullable: true,
      description: "Appends tasks below one that has not ended: a tree may grow while it runs.",
      args: { input: t.arg({ type: AddTasksInputType, required: true, description: "The new tasks." }) },
      resolve: async (_, { input }, context) => {
        const { database, ...key } = parseJobAddress(input, context);
        const requestId = parseOptional(parseRequestId, input.requestId, context.services.limits) ?? null;
        const growth = { attempt: input.attempt ?? null, path: input.path, specs: input.tasks, requestId };
        const store = await existingStore(database, context);
        return jobPayload(await store.addTasks(key, growth), context);
      },
    }),
    removeTask: t.field({
      type: RemoveTaskPayloadType,
      nullable: true,
      description: "Forgets a job at once, whatever its status. Removing twice is no error.",
      args: { input: t.arg({ type: JobInputType, required: true, description: "The job." }) },
      resolve: async (_, { input }, context) => {
        const { database, ...key } = parseJobAddress(input, context);
        const store = await context.services.provider.find(database);
        const removed = await store?.remove(key, { attempt: input.attempt ?? null });
        return { userTask: removed ? viewOf(removed, context) : null };
      },
    }),
    requestCancel: t.field({
      type: RequestCancelPayloadType,
      nullable: true,
      description:
        "Asks the worker to stop; the worker answers with CANCELED, or ends otherwise. A second request keeps the first; after the end it is ILLEGAL_TRANSITION; storing again clears it.",
      args: {
        input: t.arg({ type: RequestCancelInputType, required: true, description: "The job, and why." }),
      },
      resolve: async (_, { input }, context) => {
        const { database, ...key } = parseJobAddress(input, context);
        const demand = { attempt: input.attempt ?? null, by: context.caller, reason: input.reason ?? null };
        const store = await existingStore(database, context);
        return jobPayload(await store.requestCancel(key, demand), context);
      },
    }),
    purgeDatabase: t.field({
      type: PurgeDatabasePayloadType,
      nullable: true,
      description: "Removes all of a database's jobs; an empty database is not listed.",
      args: { database: t.arg.string({ required: true, description: DATABASE }) },
      resolve: async (_, { database }, { services: { limits, provider } }) => {
        const store = await provider.find(parseDatabaseName(database, limits));
        return { removed: (await store?.purge()) ?? 0 };
      },
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

/** Stores it where nothing is kept: a tree that can't be stored must not open a store. */
function rehearse(request: StoreRequest, { now, services: { limits } }: OperationContext): void {
  storeJob(undefined, request, { now, stamp: new Stamp(), limits });
}

/** One report. null where nothing is tracked. */
async function update(
  input: UpdateTaskInput,
  context: OperationContext,
  storeOf: (database: DatabaseName) => Promise<TaskStore>,
): Promise<UserTask | null> {
  const { database, ...key } = parseJobAddress(input, context);
  const report = parseReport(input, context.services.limits);
  const store = await storeOf(database);
  return store.update(key, report);
}

/**
 * All reports are asked for in one turn, without waiting for each other, so that they are made durable
 * together; reports on one database wait for its store at the same promise and so keep their order.
 */
async function updateAll(
  inputs: readonly UpdateTaskInput[],
  context: OperationContext,
): Promise<UpdateTaskResult[]> {
  const { limits } = context.services;
  checkBound(`${inputs.length} inputs are given`, inputs.length, "inputsPerRequestMax", limits);
  const stores = new Map<DatabaseName, Promise<TaskStore>>();
  const storeOf = (database: DatabaseName): Promise<TaskStore> => {
    const store = stores.get(database) ?? existingStore(database, context);
    stores.set(database, store);
    return store;
  };
  const outcomes = await Promise.allSettled(inputs.map((input) => update(input, context, storeOf)));
  return outcomes.map((outcome) => resultOf(outcome, context));
}

/** A refusal is an answer; a defect is thrown. */
function resultOf(
  outcome: PromiseSettledResult<UserTask | null>,
  context: OperationContext,
): UpdateTaskResult {
  if (outcome.status === "fulfilled") {
    return { userTask: outcome.value && viewOf(outcome.value, context), error: null };
  }
  const error: unknown = outcome.reason;
  if (!(error instanceof TidemarkError)) throw error;
  context.services.observer.failed({ ...error.extensions });
  return { userTask: null, error: { code: error.code, message: error.message } };
}

function parseReport({ attempt, updates, log, requestId }: UpdateTaskInput, limits: Limits): Report {
  const [updateCount, lineCount] = [updates?.length ?? 0, log?.length ?? 0];
  checkBound(`The input has ${updateCount} updates`, updateCount, "updatesPerInputMax", limits);
  checkBound(`The input has ${lineCount} log lines`, lineCount, "logLinesPerInputMax", limits);
  return {
    attempt: attempt ?? null,
    updates: updates ?? [],
    log: log ?? [],
    requestId: parseOptional(parseRequestId, requestId, limits) ?? null,
  };
}

/** @throws TidemarkError NOT_FOUND for a database that nothing was stored in. */
async function existingStore(database: DatabaseName, { services }: OperationContext): Promise<TaskStore> {
  const store = await services.provider.find(database);
  if (store) return store;
  throw new TidemarkError(
    "NOT_FOUND",
    `Database ${JSON.stringify(database)} has no jobs. Store the job first, or look for a slip in the name.`,
  );
}

/** null where nothing is tracked. */
function jobPayload(userTask: UserTask | null, context: OperationContext): JobPayload | null {
  return userTask && { userTask: viewOf(userTask, context) };
}

/** A job that was just changed is shown as of the change, which came after the operation's instant. */
function viewOf(userTask: UserTask, { now }: OperationContext): UserTaskView {
  return { userTask, now: Math.max(now, userTask.changedAt) };
}
