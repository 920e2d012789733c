import { setImmediate } from "node:timers/promises";

/** Enough turns for all pending work without timers or I/O to finish. */
const TURNS_TO_REST = 20;
const TURNS_MAX = 100_000;

/** Waits for `condition`, checking once a turn of the event loop. @throws Error if it never holds */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn === TURNS_MAX) throw new Error(`not so after ${TURNS_MAX} turns: ${condition.toString()}`);
    await setImmediate();
  }
}

/** Lets all work finish that needs no clock. Whatever has not happened by then is waiting for something. */
export async function untilIdle(): Promise<void> {
  for (let turn = 0; turn < TURNS_TO_REST; turn++) await setImmediate();
}

/** Lets `count` microtasks pass, in one turn of the event loop. */
export async function microtasks(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await Promise.resolve();
}

/** Lets up to five turns pass, a random number of them. */
export async function randomTurns(random: () => number): Promise<void> {
  for (let left = Math.floor(random() * 6); left > 0; left--) await setImmediate();
}
