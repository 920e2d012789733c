import type { JobState } from "../../../src/tasks/user-task.js";
import { plainTree } from "../journal/entries.js";

/**
 * A job or removal as plain data: each stamp as its revision, the tree as a list. A stamp keeps its revision
 * to itself, so that to a comparison all stamps would be one.
 */
export function comparableState(state: JobState): object | undefined {
  if (!state) return undefined;
  const revision = state.stamp.revision;
  if (state.kind === "removal") return { ...state, stamp: revision };
  return {
    ...state,
    stamp: revision,
    storedStamp: state.storedStamp.revision,
    task: plainTree(state.task),
  };
}

export function comparableStates(states: readonly JobState[]): (object | undefined)[] {
  return states.map(comparableState);
}
