import type { JournalHead, JournalPoint } from "./journal.js";

/** Whether a point is a state of the history that leads to `head`: at or before it, and before the end of its generation. */
export function isStateOf(
  { epoch, generations, revision }: Pick<JournalHead, "epoch" | "generations" | "revision">,
  point: JournalPoint,
): boolean {
  const index = generations.findIndex(({ id }) => id === point.generation);
  const end = generations[index + 1]?.startsAt ?? revision;
  return point.epoch === epoch && index !== -1 && point.revision <= end;
}
