import { elapsedText } from "../../tasks/elapsed-text.js";
import { barText, percentText, progressOf } from "../../tasks/progress.js";
import { preOrder } from "../../tasks/traverse.js";
import { builder } from "../builder.js";
import type { TaskView, UserTaskView } from "../context.js";
import { TaskStatusType } from "./enums.js";
import { elapsedMs, taskViews } from "./task.js";

/** A task and the name that its row shows. */
export interface ProgressRow extends TaskView {
  readonly taskName: string;
}

export const ProgressRowType = builder.objectRef<ProgressRow>("ProgressRow").implement({
  description: "A row of Neo4j's gds.listProgress, for people and scripts that already use it.",
  fields: (t) => ({
    username: t.string({
      description: "The owner of the job.",
      resolve: ({ userTask }) => userTask.username,
    }),
    jobId: t.id({ description: "The job id.", resolve: ({ userTask }) => userTask.jobId }),
    taskName: t.exposeString("taskName", {
      description:
        "The task's description. In a tree, four spaces per level below the root and `|-- ` precede it.",
    }),
    progress: t.string({
      description: "`42.86%`, `0%`, `100%`; `n/a` while the volume is unknown.",
      resolve: ({ task }) => percentText(progressOf(task)),
    }),
    progressBar: t.string({
      description: "`[####~~~~~~]`; `[~~~~n/a~~~]` while the volume is unknown.",
      resolve: ({ task }) => barText(progressOf(task), 10),
    }),
    status: t.field({
      type: TaskStatusType,
      description: "The state of the task.",
      resolve: ({ task }) => task.status,
    }),
    timeStarted: t.field({
      type: "DateTime",
      nullable: true,
      description: "When it started; null before.",
      resolve: ({ task }) => task.startedAt,
    }),
    elapsedTime: t.string({
      description:
        "Time from start to end, or to now, in words: `42 seconds`; `Not yet started` before the start.",
      resolve: (row) => {
        const milliseconds = elapsedMs(row);
        return milliseconds === null ? "Not yet started" : elapsedText(milliseconds);
      },
    }),
  }),
});

/** The row of a job in the summary. */
export function summaryRow({ userTask, now }: UserTaskView): ProgressRow {
  const { task } = userTask;
  return { userTask, now, task, path: "", depth: 0, taskName: task.description };
}

/** A row per task of a job, drawn as a tree. */
export function detailRows(view: UserTaskView): ProgressRow[] {
  return taskViews(view, preOrder(view.userTask.task)).map((row) => ({
    ...row,
    taskName: `${"    ".repeat(row.depth)}|-- ${row.task.description}`,
  }));
}
