/** The tree of a job as a list of rows, without the tasks below a collapsed one. */
import type { WatchedTask } from "../../client/index.js";
import { taskCount } from "../jobs/job-facts.js";

export interface VisibleTask {
  readonly task: WatchedTask;
  /** Levels below the root. */
  readonly depth: number;
  /** undefined for a leaf. */
  readonly isExpanded: boolean | undefined;
  /** Its index among its siblings, from 1. */
  readonly posInSet: number;
  /** The number of its siblings, including itself. */
  readonly setSize: number;
  /** When its nearest ancestor ended that has an end; null if none has. */
  readonly parentEndedAt: string | null;
}

/**
 * Which tasks are expanded: all of a small tree; in a large tree, those that run or have failed. A task stays expanded
 * until the user collapses it, so that the view stays stable while the user reads.
 */
export class ExpandedTasks {
  readonly #isOpen = new Map<string, boolean>();

  /** @param treeSize the number of tasks in the whole tree */
  isExpanded(task: WatchedTask, treeSize: number): boolean {
    const known = this.#isOpen.get(task.path);
    if (known !== undefined) return known;
    const isOpen = treeSize <= SMALL_TREE_MAX || task.path === "" || EXPANDED_STATUSES.has(task.status);
    if (isOpen) this.#isOpen.set(task.path, true);
    return isOpen;
  }

  set(path: string, isOpen: boolean): void {
    this.#isOpen.set(path, isOpen);
  }

  /** Expands or collapses a whole tree, except that the root stays expanded. */
  setAll(task: WatchedTask, isOpen: boolean): void {
    if (task.subTasks.length > 0) this.set(task.path, isOpen || task.path === "");
    for (const subTask of task.subTasks) this.setAll(subTask, isOpen);
  }
}

const SMALL_TREE_MAX = 150;
const EXPANDED_STATUSES = new Set(["RUNNING", "FAILED"]);

export function visibleTasks(root: WatchedTask, open: ExpandedTasks): VisibleTask[] {
  const rows: VisibleTask[] = [];
  const treeSize = taskCount(root);
  const add = (
    task: WatchedTask,
    { depth, parentEndedAt }: Pick<VisibleTask, "depth" | "parentEndedAt">,
    posInSet: number,
    setSize: number,
  ): void => {
    const isOpen = task.subTasks.length > 0 ? open.isExpanded(task, treeSize) : undefined;
    rows.push({ task, depth, isExpanded: isOpen, posInSet, setSize, parentEndedAt });
    if (!isOpen) return;
    const below = { depth: depth + 1, parentEndedAt: task.endedAt ?? parentEndedAt };
    for (const [index, subTask] of task.subTasks.entries())
      add(subTask, below, index + 1, task.subTasks.length);
  };
  add(root, { depth: 0, parentEndedAt: null }, 1, 1);
  return rows;
}
