/**
 * A tree can be larger than a request may be. Then the job is stored with the first part of its tree, and `addTasks`
 * adds the others, before anything is reported.
 */
import type { ClientLimits } from "../../protocol/client-limits.js";
import { limitExceeded, type TidemarkError } from "../../protocol/tidemark-error.js";
import { jsonBytes, variablesBytesMax } from "../transport/server-limits.js";
import type { TaskState } from "./task-state.js";

/** The part of a tree that goes into one request. */
export interface TreePart {
  readonly limits: ClientLimits;
  /** Below 0, further tasks go into the next request. */
  bytesLeft: number;
}

/** @param header the other fields of the request */
export function treePart(limits: ClientLimits, header: object): TreePart {
  // One branch must fit; the server checks this at its start.
  const branchBytes = limits.levelsPerTreeMax * (2 * limits.descriptionBytesMax + TASK_BYTES);
  return { limits, bytesLeft: variablesBytesMax(limits) - branchBytes - jsonBytes(header) };
}

/** At least the bytes of a task without its description, in JSON. */
export const TASK_BYTES = 150;

/** The error for a tree with too many tasks, so that no part of it is stored. The server counts the iterations too. */
export function treeError(root: TaskState, { tasksPerTreeMax }: ClientLimits): TidemarkError | undefined {
  const count = countTasks(root);
  if (count <= tasksPerTreeMax) return undefined;
  return limitExceeded("tasksPerTreeMax", `The job has ${count} tasks. Declare fewer`, tasksPerTreeMax);
}

function countTasks({ spec, subTasks }: TaskState): number {
  return spec.kind === "PARENT" ? subTasks.reduce((count, subTask) => count + countTasks(subTask), 1) : 1;
}
