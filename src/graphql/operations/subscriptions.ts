import { parseDatabaseName } from "../../tasks/names.js";
import { CANCEL_REQUESTS_PER_EVENT_MAX } from "../../hub/hub.js";
import { builder } from "../builder.js";
import { traits } from "../field-traits.js";
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
 * `subscribe` opens a stream of the hub. `resolve` depends only on the event and is synchronous, so that all
 * subscribers with the same selection share one execution.
 */
builder.subscriptionType({
  description:
    "Live updates. The server checks the selection before it subscribes you: invalid arguments are rejected, and so is a selection that could list too many tasks and log lines in one event. An event that the server can't build, because of a defect, is a result with `errors`, whose `extensions` have its `position`, its `job`, and `ended` if the job has ended. The subscription continues.",
  fields: (t) => ({
    taskEvents: t.field({
      type: TaskEventType,
      description: `Every change in a database that matches the filter and that the caller may see, in order of revision.

Without \`after\`, the server sends Reset(INITIAL), the state, CaughtUp, then live changes. With \`after\`, it sends the changes since that position, CaughtUp, then live changes. If it no longer knows those changes, it starts with Reset(HISTORY_GONE, HISTORY_LOST or EPOCH_CHANGED) and the state. A position at revision 0 is the same as no position. A database that does not exist yet is empty, so you can subscribe before the first job is stored. An event does not show whether more changes are pending. Each job is correct as of its newest event; all jobs together are exact at each CaughtUp.`,
      args: {
        database: t.arg.string({ required: true, description: DATABASE_DESCRIPTION }),
        username: t.arg.string({ description: FILTER_USERNAME_DESCRIPTION }),
        jobId: t.arg.id({ description: FILTER_JOB_ID_DESCRIPTION }),
        after: t.arg({
          type: "Position",
          description:
            'Send only the changes since this position, which a query or an event returned. For example "k3J9wQx-T_bA.1042".',
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
        "The job: now, then after every change. A slow reader receives only the newest state. Null while the job does not exist. Completes once the job has ended, unless `untilEnded` is false: then it continues with the next attempt.",
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
      description:
        "The number of jobs: now, then whenever it changes. A slow reader receives only the newest number.",
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
      ...traits({ answerSize: (below) => below.times(CANCEL_REQUESTS_PER_EVENT_MAX) }),
      description:
        "The jobs that have a cancel request and have not ended: now, and again after each new request. For workers: they receive a request at once, and no other changes. Lists at most the newest 1000 jobs; the answers to reports include every request.",
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
  "The minimum time between two batches of events in milliseconds, 0 to 3600000. The first batch is sent at once. Changes in between are merged.";

const INTERVAL_MS_MAX = 60 * 60 * 1_000;

function checkInterval(minIntervalMs: number): void {
  checkRange("minIntervalMs", minIntervalMs, 0, INTERVAL_MS_MAX);
}
