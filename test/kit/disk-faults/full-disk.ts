/** Work that takes room until there is none. */
import { ask, type GraphqlResult } from "../network/raw-http.js";
import { storeTask } from "../../server/jobs.js";
import { nextEvent, type TaskEvent } from "../../server/task-events.js";
import type { Watcher } from "../../server/transports.js";

/** Stores the one job again, as a tree that takes some kilobytes. `word` is in its description. */
export function storeLargeJob(url: string, word: string, database = "d"): Promise<GraphqlResult> {
  const subTasks = Array.from({ length: 30 }, () => ({ description: "x".repeat(100), volume: 1 }));
  return ask(url, storeTask({ database, task: { description: word, subTasks } }));
}

/** Does so until it is refused, and once more: there may have been room for less than was asked for at first. */
export async function storeUntilRefused(
  url: string,
): Promise<{ readonly count: number; readonly codes: unknown[] }> {
  const answers: GraphqlResult[] = [];
  while (!(answers.at(-1)?.errors && answers.at(-2)?.errors)) answers.push(await storeLargeJob(url, "kept"));
  const refused = answers.filter(({ errors }) => errors);
  return { count: answers.length - refused.length, codes: codesOf(refused) };
}

/** Asks for so many changes, one after the other, that are all to be refused. Returns with which codes they were. */
export async function storeRejected(
  url: string,
  count: number,
  databaseOf: (number: number) => string = () => "d",
): Promise<unknown[]> {
  const answers: GraphqlResult[] = [];
  while (answers.length < count)
    answers.push(await storeLargeJob(url, "refused", databaseOf(answers.length)));
  return codesOf(answers);
}

/** The next events, up to the one that tells this version of a job. */
export async function eventsUntilVersion(watcher: Watcher, version: number): Promise<TaskEvent[]> {
  const events = [await nextEvent(watcher)];
  while (events.at(-1)?.userTask?.version !== version) events.push(await nextEvent(watcher));
  return events;
}

/** Each code once; undefined where something was not refused. */
function codesOf(answers: readonly GraphqlResult[]): unknown[] {
  return [...new Set(answers.map(({ errors }) => errors?.[0]?.extensions?.["code"]))];
}
