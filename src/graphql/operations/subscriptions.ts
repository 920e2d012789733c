import { parseDatabaseName } from "../../tasks/names.js";
import { builder } from "../builder.js";
import {
  DATABASE_DESCRIPTION,
  FILTER_JOB_ID_DESCRIPTION,
  FILTER_STATUS_DESCRIPTION,
  FILTER_USERNAME_DESCRIPTION,
  JOB_ID_DESCRIPTION,
  parseFilter,
  parseJobAddress,
  USERNAME_DESCRIPTION,
} from "./job-arguments.js";
import { checkRange } from "./ranges.js";
import { TaskStatusType } from "../types/enums.js";
import { TaskEventType } from "../types/task-event.js";
import { UserTaskType } from "../types/user-task.js";

/**
 * What can be watched. `subscribe` asks the hub; `resolve` shows one event, synchronously and from nothing but
 * the event, so that the hub may run it once for all who asked the same.
 */
builder.subscriptionType({
  description: "What can be watched.",
  fields: (t) => ({
    taskEvents: t.field({
      type: TaskEventType,
      description: `Every change in a database that the filter lets through and the caller may see, in order of revision.

Without \`after\`: Reset(INITIAL), the state, CaughtUp, then what happens. With it: just what changed since, CaughtUp, then what happens; Reset(HISTORY_GONE or EPOCH_CHANGED) and the state first where that can't be told. \`after\` a position at revision 0 is as without. A database that is not there yet is an empty one: subscribe first, store later. Whether you are behind is not told: each job is right at its newest event, the whole is exact at CaughtUp.`,
      args: {
        database: t.arg.string({ required: true, description: DATABASE_DESCRIPTION }),
        username: t.arg.string({ description: FILTER_USERNAME_DESCRIPTION }),
        jobId: t.arg.id({ description: FILTER_JOB_ID_DESCRIPTION }),
        after: t.arg({
          type: "Position",
          description:
            'Tell only what changed since this position, which a query or an event gave you. For example "k3J9wQx-T_bA.1042".',
        }),
        minIntervalMs: t.arg.int({ required: true, defaultValue: 0, description: MIN_INTERVAL }),
      },
      subscribe: (_, { after, minIntervalMs, ...args }, { watcher, services: { limits }, resumeAfter }) => {
        checkInterval(minIntervalMs);
        const { username, jobId } = parseFilter(args, limits);
        const database = parseDatabaseName(args.database, limits);
        return watcher.taskEvents({
          database,
          username,
          jobId,
          after: resumeAfter ?? after ?? undefined,
          minIntervalMs,
        });
      },
      resolve: (event) => event,
    }),
    task: t.field({
      type: UserTaskType,
      nullable: true,
      description:
        "The job now, then after every change, the newest when you are slow; null while it is not there. Completes once the job it shows has ended, unless untilEnded is false: then it goes on to the next attempt.",
      args: {
        database: t.arg.string({ required: true, description: DATABASE_DESCRIPTION }),
        username: t.arg.string({ required: true, description: USERNAME_DESCRIPTION }),
        jobId: t.arg.id({ required: true, description: JOB_ID_DESCRIPTION }),
        untilEnded: t.arg.boolean({
          required: true,
          defaultValue: true,
          description: "Whether to complete once the job has ended.",
        }),
        minIntervalMs: t.arg.int({ required: true, defaultValue: 0, description: MIN_INTERVAL }),
      },
      subscribe: (_, { untilEnded, minIntervalMs, ...args }, context) => {
        checkInterval(minIntervalMs);
        return context.watcher.task({ ...parseJobAddress(args, context), untilEnded, minIntervalMs });
      },
      resolve: (userTask) => userTask && { userTask, now: userTask.changedAt },
    }),
    taskCount: t.int({
      description: "The count now, then whenever it changes, the newest when you are slow.",
      args: {
        database: t.arg.string({ required: true, description: DATABASE_DESCRIPTION }),
        username: t.arg.string({ description: FILTER_USERNAME_DESCRIPTION }),
        status: t.arg({ type: [TaskStatusType], description: FILTER_STATUS_DESCRIPTION }),
        minIntervalMs: t.arg.int({ required: true, defaultValue: 0, description: MIN_INTERVAL }),
      },
      subscribe: (_, { minIntervalMs, ...args }, { watcher, services: { limits } }) => {
        checkInterval(minIntervalMs);
        const { username, statuses } = parseFilter(args, limits);
        const database = parseDatabaseName(args.database, limits);
        return watcher.taskCount({ database, username, statuses, minIntervalMs });
      },
      resolve: (count) => count,
    }),
    cancelRequests: t.field({
      type: [UserTaskType],
      description:
        "The jobs that somebody wants to stop and that have not ended, now and again whenever there is one more: for workers, who hear of it at once, whatever else happens to their jobs costs them nothing. At most the newest 1000; the answers to reports tell of all.",
      args: {
        database: t.arg.string({ required: true, description: DATABASE_DESCRIPTION }),
        username: t.arg.string({ description: FILTER_USERNAME_DESCRIPTION }),
      },
      subscribe: (_, args, { watcher, services: { limits } }) => {
        const { username } = parseFilter(args, limits);
        return watcher.cancelRequests({ database: parseDatabaseName(args.database, limits), username });
      },
      resolve: (userTasks) => userTasks.map((userTask) => ({ userTask, now: userTask.changedAt })),
    }),
  }),
});

const MIN_INTERVAL =
  "The first answer comes at once, then at most one batch in so many milliseconds, 0 to 3600000; what happens meanwhile is merged into the newest.";

const INTERVAL_MS_MAX = 60 * 60 * 1_000;

function checkInterval(minIntervalMs: number): void {
  checkRange("minIntervalMs", minIntervalMs, 0, INTERVAL_MS_MAX);
}
