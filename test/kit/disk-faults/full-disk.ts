/** Writes that fill a disk. */
import {
  ask,
  dataOf,
  graphqlResultOf,
  type GraphqlResult,
  type HttpConnection,
} from "../network/raw-http.js";
import { storeTask } from "../../server/jobs.js";
import { nextEvent, type TaskEvent } from "../../server/task-events.js";
import type { Watcher } from "../../server/transports.js";

/** Stores the same job again as a tree of several kilobytes whose description contains `word`. */
export function storeLargeJob(url: string, word: string, database = "d"): Promise<GraphqlResult> {
  const subTasks = Array.from({ length: 30 }, () => ({ description: "x".repeat(100), volume: 1 }));
  return ask(url, storeTask({ database, task: { description: word, subTasks } }));
}

/**
 * Repeats this until it is refused, and then once more, because there may have been room for part of the first
 * request.
 */
export async function storeUntilRefused(
  url: string,
): Promise<{ readonly count: number; readonly codes: unknown[] }> {
  const answers: GraphqlResult[] = [];
  while (!(answers.at(-1)?.errors && answers.at(-2)?.errors)) answers.push(await storeLargeJob(url, "kept"));
  const refused = answers.filter(({ errors }) => errors);
  return { count: answers.length - refused.length, codes: codesOf(refused) };
}

/**
 * Stores new jobs of one kilobyte, or with more subtasks, 50 at a time, until one is refused or there are `countMax`. Returns the number of
 * stored jobs.
 */
export async function storeNewJobsUntilRefused(
  url: string,
  countMax = Infinity,
  subTaskCount = 4,
): Promise<number> {
  const subTasks = Array.from({ length: subTaskCount }, () => ({ description: "x".repeat(200), volume: 1 }));
  for (let count = 0, round = 0; ; round++) {
    const jobs = Array.from({ length: 50 }, (_, at) => ({ jobId: `${round}-${at}` }));
    const task = { description: "small", subTasks };
    const answers = await Promise.all(jobs.map(({ jobId }) => ask(url, storeTask({ jobId, task }))));
    const stored = answers.filter(({ errors }) => !errors).length;
    count += stored;
    if (stored < jobs.length || count >= countMax) return count;
  }
}

/** Returns the number of removed jobs. */
export async function purge(url: string): Promise<number> {
  const query = `mutation { purgeDatabase(database: "d") { removed } }`;
  return (await dataOf<{ purgeDatabase: { removed: number } }>(url, query)).purgeDatabase.removed;
}

/** Sends this number of changes one after the other, all of which must be refused. Returns their error codes. */
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

/**
 * Stores a job in each of this number of new databases, over one connection, after a call of `before` for each. Returns
 * the distinct error codes.
 */
export async function storeRepeatedly(
  connection: HttpConnection,
  count: number,
  before: () => unknown,
): Promise<unknown[]> {
  const answers: GraphqlResult[] = [];
  while (answers.length < count) {
    await before();
    const database = `new${count}-${answers.length}`;
    answers.push(graphqlResultOf(await connection.post(storeTask({ database }))));
  }
  return codesOf(answers);
}

/** The next events, up to the one with this version of a job. */
export async function eventsUntilVersion(watcher: Watcher, version: number): Promise<TaskEvent[]> {
  const events = [await nextEvent(watcher)];
  while (events.at(-1)?.userTask?.version !== version) events.push(await nextEvent(watcher));
  return events;
}

/** The distinct codes; undefined for a change that was not refused. */
function codesOf(answers: readonly GraphqlResult[]): unknown[] {
  return [...new Set(answers.map(({ errors }) => errors?.[0]?.extensions?.["code"]))];
}
