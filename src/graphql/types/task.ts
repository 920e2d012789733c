import { rateOf } from "../../tasks/rate-estimate.js";
import { progressOf } from "../../tasks/progress.js";
import { childPath } from "../../tasks/task-path.js";
import { currentIteration, subTasksOf } from "../../tasks/task.js";
import type { LocatedTask } from "../../tasks/traverse.js";
import { builder } from "../builder.js";
import type { Services, TaskView, UserTaskView } from "../context.js";
import { traits } from "../field-traits.js";
import { formatTaskId } from "../operations/node-id.js";
import { IterationModeType, TaskKindType, TaskStatusType } from "./enums.js";
import { ProgressType } from "./progress.js";

const TaskRef = builder.objectRef<TaskView>("Task");

export const TaskType = TaskRef.implement({
  description: "One task of a job's tree.",
  fields: (t) => ({
    id: t.id({
      description: "For client caches: identifies the job, its attempt and the path. Opaque.",
      resolve: ({ userTask, path }) => formatTaskId(userTask, path),
    }),
    path: t.exposeString("path", {
      description:
        "The address in the tree: empty for the root, then child indexes from 0, joined by dots: `0`, `0.2`, `0.2.1`.",
    }),
    depth: t.exposeInt("depth", { description: "Levels below the root; 0 for the root." }),
    description: t.string({
      description: "The purpose of the task, in the worker's words.",
      resolve: ({ task }) => task.description,
    }),
    kind: t.field({
      type: TaskKindType,
      description: "How the task is composed.",
      resolve: ({ task }) => task.kind,
    }),
    status: t.field({
      type: TaskStatusType,
      description: "The state of the task.",
      resolve: ({ task }) => task.status,
    }),
    progress: t.field({
      type: ProgressType,
      description: "The work of this task and all tasks below it.",
      resolve: ({ task }) => progressOf(task),
    }),
    mode: t.field({
      type: IterationModeType,
      nullable: true,
      description: "Whether the number of iterations is exact, bounded or open; ITERATIVE only.",
      resolve: ({ task }) => (task.kind === "ITERATIVE" ? task.mode : null),
    }),
    currentIteration: t.int({
      nullable: true,
      description: "The number of finished iterations; ITERATIVE only.",
      resolve: ({ task }) => (task.kind === "ITERATIVE" ? currentIteration(task) : null),
    }),
    maxIterations: t.int({
      nullable: true,
      description: "The maximum number of iterations; ITERATIVE only, null if OPEN.",
      resolve: ({ task }) => (task.kind === "ITERATIVE" ? task.maxIterations : null),
    }),
    message: t.string({
      nullable: true,
      description: "The worker's latest message about this task; the reason if it FAILED.",
      resolve: ({ task }) => task.message,
    }),
    startedAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When it started; null before.",
      resolve: ({ task }) => task.startedAt,
    }),
    endedAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When it became FINISHED, CANCELED or FAILED; null before.",
      resolve: ({ task }) => task.endedAt,
    }),
    elapsedMs: t.field({
      type: "SafeInt",
      nullable: true,
      description:
        "Milliseconds from start to end, or to now; null before the start. In an event, now is the event's `at`.",
      resolve: elapsedMs,
    }),
    rate: t.float({
      nullable: true,
      description:
        "Units per second of a running leaf, smoothed over time; null for other tasks, and until it can be estimated.",
      resolve: (view, _, { services }) => rate(view, services),
    }),
    maxConcurrency: t.int({
      nullable: true,
      description: "The maximum number of threads or workers, if it is set on this task or a task above.",
      resolve: ({ task }) => task.maxConcurrency,
    }),
    subTasks: t.field({
      type: [TaskRef],
      description: "The tasks directly below, in order; empty for a leaf.",
      ...traits({ answerSize: (below) => below.ofSubTasks() }),
      resolve: ({ task, path, depth, userTask, now }, _, { budget }) => {
        const subTasks = subTasksOf(task);
        budget.spend(subTasks.length);
        return subTasks.map((subTask, index) => ({
          userTask,
          now,
          task: subTask,
          path: childPath(path, index),
          depth: depth + 1,
        }));
      },
    }),
  }),
});

function rate({ task, now }: TaskView, services: Services): number | null {
  const estimate = task.kind === "LEAF" ? task.rateEstimate : null;
  return estimate && rateOf(estimate, services.elapsedMs(task.startedAt!, now));
}

/** The milliseconds between the two times of day that clients see; null before the start. */
export function elapsedMs({ task, now }: Pick<TaskView, "task" | "now">): number | null {
  if (task.startedAt === null) return null;
  return Math.max(0, (task.endedAt ?? now) - task.startedAt);
}

export function taskViews({ userTask, now }: UserTaskView, tasks: readonly LocatedTask[]): TaskView[] {
  return tasks.map(({ task, path, depth }) => ({ userTask, now, task, path, depth }));
}
