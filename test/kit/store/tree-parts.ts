import type { TaskList } from "../../../src/tasks/task-list.js";
import type { Task } from "../../../src/tasks/task.js";
import { preOrder } from "../../../src/tasks/traverse.js";

/** What two trees must have in common to behave alike from now on: not only their tasks, but also their lists and stamps. */

/** A tree with its lists as they are, and revisions instead of stamps. */
export function exactTree(task: Task): unknown {
  const [stamp, ownStamp] = [task.stamp.revision, task.ownStamp.revision];
  if (task.kind === "LEAF") return { ...task, stamp, ownStamp };
  const subTasks = exactList(task.subTasks);
  if (task.kind === "INTERMEDIATE") return { ...task, stamp, ownStamp, subTasks };
  return { ...task, stamp, ownStamp, subTasks, template: task.template.map(templateOf) };
}

function exactList(list: TaskList<Task>): unknown {
  const parts = "tasks" in list ? list.tasks.map(exactTree) : list.lists.map(exactList);
  return { stamp: parts.length > 0 ? list.stamp.revision : "nothing has changed in it", parts };
}

/** The first levels of the parts, by position, that are the same objects in `before`. */
export function sharedParts(before: Part | undefined, after: Part, place = ""): string[] {
  if (before === after) return [place];
  if (!before) return [];
  const old = partsOf(before);
  return partsOf(after).flatMap((part, index) => sharedParts(old[index], part, `${place}.${index}`));
}

type Part = Task | TaskList<Task>;

function partsOf(part: Part): readonly Part[] {
  if ("tasks" in part) return part.tasks;
  if ("lists" in part) return part.lists;
  return part.kind === "LEAF" ? [] : [part.subTasks];
}

/** A task without those below it. */
export function flatTask(task: Task): object {
  const { stamp: _, ...fields } = task;
  if (fields.kind === "LEAF") return fields;
  if (fields.kind === "INTERMEDIATE") return { ...fields, subTasks: fields.subTasks.length };
  return { ...fields, subTasks: fields.subTasks.length, template: fields.template.map(templateOf) };
}

/** The template of an iterative task matters only for its specification, not for when it was built. */
function templateOf(root: Task): unknown {
  return preOrder(root).map(({ task, path }) => ({ ...flatTask(task), path }));
}
