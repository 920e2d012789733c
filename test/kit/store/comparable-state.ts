import type { JobState } from "../../../src/tasks/user-task.js";
import { plainTree } from "../journal/entries.js";

/**
 * A job or removal as plain data, with revisions instead of stamps. A stamp hides its revision, so all stamps
 * would compare as equal.
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
