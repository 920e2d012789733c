import { setTimeout } from "node:timers/promises";

/** Repeats `action` while `work` runs. Returns the duration of each `action` in milliseconds. */
export async function whileRepeating<T>(
  action: () => Promise<unknown>,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly times: readonly number[] }> {
  const ending = new AbortController();
  const repeating = repeat(action, ending.signal);
  const result = await work();
  ending.abort();
  return { result, times: await repeating };
}

const PAUSE_MS = 5;

async function repeat(action: () => Promise<unknown>, signal: AbortSignal): Promise<number[]> {
  const times: number[] = [];
  while (!signal.aborted) {
    times.push(await timeOf(action));
    await setTimeout(PAUSE_MS);
  }
  return times;
}

/** Returns milliseconds. */
export async function timeOf(action: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await action();
  return performance.now() - began;
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

export function rounded(number: number, digits = 1): number {
  return Number(number.toFixed(digits));
}
