/**
 * A tree can be larger than a request may be. Then the job is stored with the first part of its tree, and `addTasks`
 * adds the others, before anything is reported.
 */
import type { ClientLimits } from "../../protocol/client-limits.js";
import { jsonBytes, variablesBytesMax } from "../transport/server-limits.js";

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
export const TASK_BYTES = 200;
