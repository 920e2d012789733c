import type { Limits } from "../../protocol/limits.js";
import { etaOf } from "../../tasks/eta.js";
import { preOrder } from "../../tasks/traverse.js";
import { expiresAt } from "../../tasks/retention.js";
import type { LogEntry, LogLevel } from "../../tasks/user-task.js";
import { builder } from "../builder.js";
import type { UserTaskView } from "../context.js";
import { formatUserTaskId } from "../operations/node-id.js";
import { checkSize } from "../operations/ranges.js";
import { CancelRequestType } from "./cancel-request.js";
import { HealthType, LogLevelType } from "./enums.js";
import { EtaType } from "./eta.js";
import { LogEntryType } from "./log-entry.js";
import { MemoryRangeType } from "./memory-range.js";
import { NodeType } from "./node.js";
import { TaskType, taskViews } from "./task.js";

/** A job, as of the instant that its view carries. */
export const UserTaskType = builder.objectRef<UserTaskView>("UserTask").implement({
  description: "A job: the task tree that one user stored under one job id in one database.",
  interfaces: [NodeType],
  fields: (t) => ({
    id: t.id({
      description:
        "Opaque, and stable over attempts: base64url of a JSON array of database, username and jobId, so that no name can forge another's.",
      resolve: ({ userTask }) => formatUserTaskId(userTask),
    }),
    database: t.string({
      description: "The database's name, lower-cased.",
      resolve: ({ userTask }) => userTask.database,
    }),
    username: t.string({
      description: "The user whose job it is.",
      resolve: ({ userTask }) => userTask.username,
    }),
    jobId: t.id({
      description: "The job id that it was stored under; another user may have the same one.",
      resolve: ({ userTask }) => userTask.jobId,
    }),
    attempt: t.int({
      description:
        "1 when first stored, one more each time it is stored again, also after a removal that is still remembered.",
      resolve: ({ userTask }) => userTask.attempt,
    }),
    version: t.field({
      type: "SafeInt",
      description:
        "1 when first stored, one more with every change, storing again included (also after a removal that is still remembered): the difference to the one you hold is how many changes an event stands for.",
      resolve: ({ userTask }) => userTask.version,
    }),
    revision: t.field({
      type: "SafeInt",
      description: "The database's revision at this job's latest change.",
      resolve: ({ userTask }) => userTask.stamp.revision,
    }),
    position: t.field({
      type: "Position",
      description: "The position of this job's latest change.",
      resolve: ({ userTask: { stamp } }) => ({ epoch: stamp.epoch, revision: stamp.revision }),
    }),
    task: t.field({
      type: TaskType,
      description: "The root of the tree.",
      resolve: ({ userTask, now }) => ({ userTask, now, task: userTask.task, path: "", depth: 0 }),
    }),
    tasks: t.field({
      type: [TaskType],
      description: "The whole tree in pre-order, parents before children: what a table or a terminal draws.",
      resolve: (view, _, { budget }) => {
        budget.spend(view.userTask.task.taskCount);
        return taskViews(view, preOrder(view.userTask.task));
      },
    }),
    memory: t.field({
      type: MemoryRangeType,
      nullable: true,
      description: "The memory that it was estimated to need, when that was said.",
      resolve: ({ userTask }) => userTask.memory,
    }),
    eta: t.field({
      type: EtaType,
      nullable: true,
      description:
        "When the job may end: a range, never a false point; wider while nobody reports, null while unknown and for a job that is LOST.",
      resolve: ({ userTask, now }) => etaOf(userTask, now),
    }),
    health: t.field({
      type: HealthType,
      description: "Whether its worker is heard of.",
      resolve: ({ userTask }) => userTask.health,
    }),
    leaseSeconds: t.int({
      description: "Seconds without a report after which it is SILENT.",
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
        "The worker's latest report that was committed. A heartbeat is, when a quarter of the lease has passed or the health is mended by it.",
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
      description: "When the job will be forgotten: set once it has ended or is LOST.",
      resolve: ({ userTask }, _, { services }) => expiresAt(userTask, services.retention),
    }),
    cancelRequest: t.field({
      type: CancelRequestType,
      nullable: true,
      description: "Set when somebody asked the worker to stop; storing the job again clears it.",
      resolve: ({ userTask }) => userTask.cancelRequest,
    }),
    log: t.field({
      type: [LogEntryType],
      description: "The newest messages, oldest first.",
      args: {
        last: t.arg.int({ defaultValue: LINES_DEFAULT, description: "How many, from 0; 20 when null." }),
        level: t.arg({
          type: LogLevelType,
          defaultValue: LEVEL_DEFAULT,
          description: "Only lines of this level and above; INFO when null.",
        }),
      },
      resolve: ({ userTask }, { last, level }, { services, budget }) => {
        budget.spend(Math.min(userTask.log.length, Math.max(last ?? LINES_DEFAULT, 0)));
        return newestLines(userTask.log, last ?? LINES_DEFAULT, level ?? LEVEL_DEFAULT, services.limits);
      },
    }),
  }),
});

const LINES_DEFAULT = 20;
const LEVEL_DEFAULT = "INFO";

const IMPORTANCE = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3 } as const satisfies Record<LogLevel, number>;

/** The default asks for what there is, also where fewer lines are kept. */
function newestLines(log: readonly LogEntry[], last: number, level: LogLevel, limits: Limits): LogEntry[] {
  if (last !== LINES_DEFAULT) checkSize("last", last, "logLinesPerJobMax", limits, 0);
  const lines = log.filter((line) => IMPORTANCE[line.level] >= IMPORTANCE[level]);
  return lines.slice(Math.max(0, lines.length - last));
}
