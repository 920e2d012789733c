/** When a change was first seen, by everybody who could see it. */
import type { Call } from "./strace.js";
import { ask } from "../network/raw-http.js";
import { updateTask } from "../../server/jobs.js";
import { nextEvent, queryState } from "../../server/task-events.js";
import type { Watcher } from "../../server/transports.js";

/** Milliseconds since 1970. */
export interface ChangeVisibility {
  /** The answer to the mutation. */
  readonly answer: number;
  /** The event at a subscriber who had caught up. */
  readonly event: number;
  /** The first answer to a query that has it. */
  readonly query: number;
  /** Answers to queries that do not have it yet. */
  readonly before: readonly number[];
}

/** Makes a change, and asks for it all the time until it is seen. */
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

/** Those of the instants at which a call was under way. */
export function instantsDuring(instants: readonly number[], { beganAt, endedAt }: Call): number[] {
  return instants.filter((at) => at > beganAt && at < endedAt);
}

/** Rounded up, so that nothing is said to have been seen before it was. */
function now(): number {
  return Date.now() + 1;
}
