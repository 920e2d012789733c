import type { Limits } from "../../protocol/limits.js";
import { etaOf, type Eta } from "../../tasks/eta.js";
import { preOrder } from "../../tasks/traverse.js";
import { expiresAt } from "../../tasks/retention.js";
import type { CancelRequest, LogEntry, LogLevel, MemoryRange } from "../../tasks/user-task.js";
import { builder } from "../builder.js";
import type { UserTaskView } from "../context.js";
import { AnswerSize } from "../answer-size.js";
import { traits } from "../field-traits.js";
import { formatUserTaskId } from "../operations/node-id.js";
import { sizeWithin } from "../operations/ranges.js";
import { HealthType, LogLevelType } from "./enums.js";
import { TaskType, taskViews } from "./task.js";

/** Jobs are the only nodes. */
export const NodeType = builder.interfaceRef<UserTaskView>("Node").implement({
  description: "An object that can be fetched by its id alone.",
  resolveType: () => "UserTask",
  fields: (t) => ({
    id: t.id({
      description: "Opaque; pass it to the `node` query.",
      resolve: ({ userTask }) => formatUserTaskId(userTask),
    }),
  }),
});

export const UserTaskType = builder.objectRef<UserTaskView>("UserTask").implement({
  description: "A job: the task tree that a user stored under a job id in a database.",
  interfaces: [NodeType],
  fields: (t) => ({
    id: t.id({
      description:
        "Opaque, and the same for every attempt: base64url of a JSON array of database, username and jobId, so that no two jobs share an id.",
      resolve: ({ userTask }) => formatUserTaskId(userTask),
    }),
    database: t.string({
      description: "The name of the database, lower-cased.",
      resolve: ({ userTask }) => userTask.database,
    }),
    username: t.string({
      description: "The owner of the job.",
      resolve: ({ userTask }) => userTask.username,
    }),
    jobId: t.id({
      description: "The job id. Another user may have a job with the same id.",
      resolve: ({ userTask }) => userTask.jobId,
    }),
    attempt: t.int({
      description:
        "1 when first stored, plus 1 each time the job is stored again, even after a removal that the server still remembers.",
      resolve: ({ userTask }) => userTask.attempt,
    }),
    version: t.field({
      type: "SafeInt",
      description:
        "1 when first stored, plus 1 with every change. Storing again counts too, even after a removal that the server still remembers. The difference from the version that you last received is the number of changes merged into an event.",
      resolve: ({ userTask }) => userTask.version,
    }),
    revision: t.field({
      type: "SafeInt",
      description: "The database's revision at the job's latest change.",
      resolve: ({ userTask }) => userTask.stamp.revision,
    }),
    position: t.field({
      type: "Position",
      description: "The position of the job's latest change.",
      resolve: ({ userTask: { stamp } }) => ({ epoch: stamp.epoch, revision: stamp.revision }),
    }),
    task: t.field({
      type: TaskType,
      description: "The root of the tree.",
      ...traits({ answerSize: (below) => below.ofRoot() }),
      resolve: ({ userTask, now }) => ({ userTask, now, task: userTask.task, path: "", depth: 0 }),
    }),
    tasks: t.field({
      type: [TaskType],
      description: "The whole tree in pre-order (parents before children), as tables and terminals show it.",
      ...traits({ answerSize: (below) => below.ofTree() }),
      resolve: (view, _, { budget }) => {
        budget.spend(view.userTask.task.taskCount);
        return taskViews(view, preOrder(view.userTask.task));
      },
    }),
    memory: t.field({
      type: MemoryRangeType,
      nullable: true,
      description: "The estimated memory, if the worker gave it.",
      resolve: ({ userTask }) => userTask.memory,
    }),
    eta: t.field({
      type: EtaType,
      nullable: true,
      description:
        "When the job is expected to end, as a range. It widens while no reports arrive. Null while unknown, and for a LOST job.",
      resolve: ({ userTask, now }, _, { services }) => etaOf(userTask, now, services.elapsedMs),
    }),
    health: t.field({
      type: HealthType,
      description: "Whether the worker still reports.",
      resolve: ({ userTask }) => userTask.health,
    }),
    leaseSeconds: t.int({
      description: "Seconds without a report before the job is SILENT.",
      resolve: ({ userTask }) => Math.ceil(userTask.leaseMs / 1_000),
    }),
    storedAt: t.field({
      type: "DateTime",
      description: "When this attempt was stored.",
      resolve: ({ userTask }) => userTask.storedAt,
    }),
    reportedAt: t.field({
      type: "DateTime",
      description:
        "The time of the latest committed report. A heartbeat is committed if a quarter of the lease has passed, or if it makes the health OK again.",
      resolve: ({ userTask }) => userTask.reportedAt,
    }),
    endedAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When the root ended; null before.",
      resolve: ({ userTask }) => userTask.task.endedAt,
    }),
    expiresAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When the job will expire; null unless it has ended or is LOST.",
      resolve: ({ userTask }, _, { services }) => expiresAt(userTask, services.retention),
    }),
    cancelRequest: t.field({
      type: CancelRequestType,
      nullable: true,
      description: "The request to stop the job, if there is one. Storing the job again clears it.",
      resolve: ({ userTask }) => userTask.cancelRequest,
    }),
    log: t.field({
      type: [LogEntryType],
      description: "The newest log lines, oldest first.",
      args: {
        last: t.arg.int({
          defaultValue: LINES_DEFAULT,
          description: "Maximum number of lines, from 0; 20 if null.",
        }),
        level: t.arg({
          type: LogLevelType,
          defaultValue: LEVEL_DEFAULT,
          description: "Only lines of this level and above; INFO if null.",
        }),
      },
      ...traits<LogArguments>({
        checkArguments: checkLast,
        answerSize: (_, { last }) => AnswerSize.ofLog(last ?? LINES_DEFAULT),
      }),
      resolve: ({ userTask: { log } }, args, { services, budget }) => {
        checkLast(args, services.limits);
        const last = args.last ?? LINES_DEFAULT;
        budget.spend(Math.min(log.length, last));
        return newestLines(log, last, args.level ?? LEVEL_DEFAULT);
      },
    }),
  }),
});

const MemoryRangeType = builder.objectRef<MemoryRange>("MemoryRange").implement({
  description: "The estimated memory of a job.",
  fields: (t) => ({
    minBytes: t.expose("minBytes", { type: "SafeInt", description: "At least this many bytes." }),
    maxBytes: t.expose("maxBytes", { type: "SafeInt", description: "At most this many bytes." }),
  }),
});

const EtaType = builder.objectRef<Eta>("Eta").implement({
  description: "An estimate of when a job will end, as a range.",
  fields: (t) => ({
    earliest: t.expose("earliest", { type: "DateTime", description: "Unlikely to end before this." }),
    likely: t.expose("likely", { type: "DateTime", description: "The best estimate." }),
    latest: t.expose("latest", { type: "DateTime", description: "Unlikely to end after this." }),
  }),
});

const CancelRequestType = builder.objectRef<CancelRequest>("CancelRequest").implement({
  description: "A request to stop the job. The worker answers with CANCELED, or ends the job in another way.",
  fields: (t) => ({
    at: t.expose("at", { type: "DateTime", description: "When it was made." }),
    by: t.exposeString("by", { description: "The user who made it." }),
    reason: t.exposeString("reason", { nullable: true, description: "The reason, if one was given." }),
  }),
});

const LogEntryType = builder.objectRef<LogEntry>("LogEntry").implement({
  description: "A line of a job's log.",
  fields: (t) => ({
    at: t.expose("at", { type: "DateTime", description: "When the server received it." }),
    level: t.expose("level", { type: LogLevelType, description: "Its severity." }),
    path: t.exposeString("path", {
      description: "The path of the task that it concerns; empty for the root.",
    }),
    message: t.exposeString("message", {
      description: "The text as the worker sent it. Sanitize it before you display it.",
    }),
  }),
});

const LINES_DEFAULT = 20;
const LINES = { defaultValue: LINES_DEFAULT, limit: "logLinesPerJobMax" } as const;
const LEVEL_DEFAULT = "INFO";

const IMPORTANCE = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3 } as const satisfies Record<LogLevel, number>;

interface LogArguments {
  readonly last?: number | null | undefined;
}

function checkLast({ last }: LogArguments, limits: Limits): void {
  if (typeof last === "number") sizeWithin("last", last, LINES, limits);
}

function newestLines(log: readonly LogEntry[], last: number, level: LogLevel): LogEntry[] {
  const lines = log.filter((line) => IMPORTANCE[line.level] >= IMPORTANCE[level]);
  return lines.slice(Math.max(0, lines.length - last));
}
