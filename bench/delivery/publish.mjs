import { setImmediate } from "node:timers/promises";
import { DATABASE, keyOf } from "./watch.mjs";

let published = 0;

/**
 * Publishes `events` events, `perTurn` in each turn of the event loop. Each is an `update` of the next of `jobs` jobs.
 * Resolves when all updates are done.
 */
export async function publish({ events, perTurn, jobs, users }, update) {
  const answers = [];
  for (let at = 0; at < events; at++) {
    const number = ++published;
    const updates = [{ path: "", done: number }];
    answers.push(update({ database: DATABASE, ...keyOf(number % jobs, users), updates }));
    if ((at + 1) % perTurn === 0) await setImmediate();
  }
  await Promise.all(answers);
}
