/** Measures when a change was first visible to a mutation, a subscriber and a query. */
import type { Call } from "./strace.js";
import { ask } from "../network/raw-http.js";
import { updateTask } from "../../server/jobs.js";
import { nextEvent, queryState } from "../../server/task-events.js";
import type { Watcher } from "../../server/transports.js";

/** Milliseconds since 1970. */
export interface ChangeVisibility {
  /** The answer to the mutation. */
  readonly answer: number;
  /** The event at a subscriber that had caught up. */
  readonly event: number;
  /** The first answer to a query that contains the change. */
  readonly query: number;
  /** Answers to queries that do not contain it yet. */
  readonly before: readonly number[];
}

/** Makes a change and polls until it is visible. */
export async function measureVisibility(url: string, watcher: Watcher): Promise<ChangeVisibility> {
  const version = (await queryState(url)).jobs[0]!.version;
  const before: number[] = [];
  const query = async (): Promise<number> => {
    for (;;) {
      const { jobs } = await queryState(url);
      if (jobs[0]!.version > version) return now();
      before.push(now());
    }
  };
  const [answer, event, seen] = await Promise.all([
    ask(url, updateTask({ updates: [{ done: 5 }] })).then(now),
    nextEvent(watcher).then(now),
    query(),
  ]);
  return { answer, event, query: seen, before };
}

/** The instants during which a call was in progress. */
export function instantsDuring(instants: readonly number[], { beganAt, endedAt }: Call): number[] {
  return instants.filter((at) => at > beganAt && at < endedAt);
}

/** Rounded up, so that no change appears visible too early. */
function now(): number {
  return Date.now() + 1;
}
