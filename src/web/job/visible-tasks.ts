/** The tree of a job as a list of rows, of which those below a closed task are left out. */
import type { WatchedTask } from "../../client/index.js";
import { taskCount } from "../jobs/job-facts.js";

export interface VisibleTask {
  readonly task: WatchedTask;
  /** Levels below the root. */
  readonly depth: number;
  /** undefined where there is nothing below it. */
  readonly isExpanded: boolean | undefined;
  /** Its place among those beside it, from 1, and how many they are. */
  readonly place: number;
  readonly placeCount: number;
}

/**
 * Which tasks are open. A small tree is open as a whole; of a large one what runs or has failed is. What has been
 * open once stays so till somebody closes it: nothing closes under the eyes of who reads it.
 */
export class ExpandedTasks {
  readonly #isOpen = new Map<string, boolean>();

  /** @param treeSize of the whole tree */
  isExpanded(task: WatchedTask, treeSize: number): boolean {
    const known = this.#isOpen.get(task.path);
    if (known !== undefined) return known;
    const isOpen = treeSize <= SMALL || task.path === "" || LOOKED_AT.has(task.status);
    if (isOpen) this.#isOpen.set(task.path, true);
    return isOpen;
  }

  set(path: string, isOpen: boolean): void {
    this.#isOpen.set(path, isOpen);
  }

  /** All of a tree; the root stays open. */
  setAll(task: WatchedTask, isOpen: boolean): void {
    if (task.subTasks.length > 0) this.set(task.path, isOpen || task.path === "");
    for (const subTask of task.subTasks) this.setAll(subTask, isOpen);
  }
}

/** Of a tree with more tasks not all is open. */
const SMALL = 150;
const LOOKED_AT = new Set(["RUNNING", "FAILED"]);

export function visibleTasks(root: WatchedTask, open: ExpandedTasks): VisibleTask[] {
  const rows: VisibleTask[] = [];
  const treeSize = taskCount(root);
  const add = (task: WatchedTask, depth: number, place: number, placeCount: number): void => {
    const isOpen = task.subTasks.length > 0 ? open.isExpanded(task, treeSize) : undefined;
    rows.push({ task, depth, isExpanded: isOpen, place, placeCount });
    if (!isOpen) return;
    for (const [index, subTask] of task.subTasks.entries())
      add(subTask, depth + 1, index + 1, task.subTasks.length);
  };
  add(root, 0, 1, 1);
  return rows;
}
