import { rateOf } from "../../tasks/rate-estimate.js";
import { progressOf } from "../../tasks/progress.js";
import { childPath } from "../../tasks/task-path.js";
import { currentIteration, subTasksOf } from "../../tasks/task.js";
import type { LocatedTask } from "../../tasks/traverse.js";
import { builder } from "../builder.js";
import type { TaskView, UserTaskView } from "../context.js";
import { formatTaskId } from "../operations/node-id.js";
import { IterationModeType, TaskKindType, TaskStatusType } from "./enums.js";
import { ProgressType } from "./progress.js";

const TaskRef = builder.objectRef<TaskView>("Task");

export const TaskType = TaskRef.implement({
  description: "One task of a job's tree.",
  fields: (t) => ({
    id: t.id({
      description: "For caches: stands for the job, its attempt and the path. Opaque.",
      resolve: ({ userTask, path }) => formatTaskId(userTask, path),
    }),
    path: t.exposeString("path", {
      description:
        "Where it stands: empty for the root, then child indexes from 0, joined by dots: `0`, `0.2`, `0.2.1`.",
    }),
    depth: t.exposeInt("depth", { description: "Levels below the root, which has 0." }),
    description: t.string({
      description: "What it does, in the worker's words.",
      resolve: ({ task }) => task.description,
    }),
    kind: t.field({
      type: TaskKindType,
      description: "What it is made of.",
      resolve: ({ task }) => task.kind,
    }),
    status: t.field({
      type: TaskStatusType,
      description: "How far it has come.",
      resolve: ({ task }) => task.status,
    }),
    progress: t.field({
      type: ProgressType,
      description: "Its work, and the work of all tasks below it.",
      resolve: ({ task }) => progressOf(task),
    }),
    mode: t.field({
      type: IterationModeType,
      nullable: true,
      description: "What is known of the number of iterations; ITERATIVE only.",
      resolve: ({ task }) => (task.kind === "ITERATIVE" ? task.mode : null),
    }),
    currentIteration: t.int({
      nullable: true,
      description: "Iterations finished; ITERATIVE only.",
      resolve: ({ task }) => (task.kind === "ITERATIVE" ? currentIteration(task) : null),
    }),
    maxIterations: t.int({
      nullable: true,
      description: "The bound of the iterations; ITERATIVE only, and null when OPEN.",
      resolve: ({ task }) => (task.kind === "ITERATIVE" ? task.maxIterations : null),
    }),
    message: t.string({
      nullable: true,
      description: "The worker's latest word on this task; the reason, where it FAILED.",
      resolve: ({ task }) => task.message,
    }),
    startedAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When it began; null before.",
      resolve: ({ task }) => task.startedAt,
    }),
    endedAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When it was FINISHED, CANCELED or FAILED; null before.",
      resolve: ({ task }) => task.endedAt,
    }),
    elapsedMs: t.field({
      type: "SafeInt",
      nullable: true,
      description:
        "Milliseconds from start to end, or to now; null before the start. In an event, now is its `at`.",
      resolve: elapsedMs,
    }),
    rate: t.float({
      nullable: true,
      description:
        "Units per second of a running leaf, smoothed over time; null elsewhere, and before there is enough to say.",
      resolve: rate,
    }),
    maxConcurrency: t.int({
      nullable: true,
      description: "How many threads or workers may work on it, when that was said of it or of a task above.",
      resolve: ({ task }) => task.maxConcurrency,
    }),
    subTasks: t.field({
      type: [TaskRef],
      description: "The tasks directly below, in order; a leaf has none.",
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

/** Units a second of a running leaf; null elsewhere, and before there is enough to say. */
function rate({ task, now }: TaskView): number | null {
  const pace = task.kind === "LEAF" ? task.rateEstimate : null;
  return pace && rateOf(pace, now - task.startedAt!);
}

/** How long a task has run, in milliseconds; null before its start. */
export function elapsedMs({ task, now }: Pick<TaskView, "task" | "now">): number | null {
  if (task.startedAt === null) return null;
  return Math.max(0, (task.endedAt ?? now) - task.startedAt);
}

/** Tasks of a job as they are shown. */
export function taskViews({ userTask, now }: UserTaskView, tasks: readonly LocatedTask[]): TaskView[] {
  return tasks.map(({ task, path, depth }) => ({ userTask, now, task, path, depth }));
}
