import { setImmediate } from "node:timers/promises";

/** Enough for whatever is under way without time or I/O to come to its end. */
const TURNS_TO_REST = 20;
const TURNS_MAX = 100_000;

/** Waits for `condition`, looking once a turn of the event loop. @throws Error when it never comes. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn === TURNS_MAX) throw new Error(`not so after ${TURNS_MAX} turns: ${condition.toString()}`);
    await setImmediate();
  }
}

/** Lets everything go on that can without the clock: what has not happened then waits for something. */
export async function untilIdle(): Promise<void> {
  for (let turn = 0; turn < TURNS_TO_REST; turn++) await setImmediate();
}

/** Lets `count` microtasks pass, in one turn of the event loop. */
export async function microtasks(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await Promise.resolve();
}

/** Lets up to five turns pass, as `random` has it. */
export async function randomTurns(random: () => number): Promise<void> {
  for (let left = Math.floor(random() * 6); left > 0; left--) await setImmediate();
}
