import type { PlatformSignal } from "../platform.js";
import { eventLoop } from "./event-loop.js";

/** The part of a task that counts a loop. */
export interface CountedTask {
  readonly signal: PlatformSignal;
  advance(): void;
  volume(units: number): void;
  finish(): void;
  fail(error: unknown): void;
  cancel(reason?: string): void;
}

export type Trackable<Item> = Iterable<Item> | AsyncIterable<Item>;

export interface LoopOptions {
  /** Called when the loop starts. An error ends the loop, but not the task. */
  readonly onStart: () => void;
  /** The number of items; default: the `length` or `size` of the items. */
  readonly volume?: number | undefined;
}

/** A tracked iterable, for a `for` or a `for await` loop. */
export type Tracked<Item> = Iterable<Item> & AsyncIterable<Item>;

/**
 * Counts the items of a loop on `task`. An item counts as done once the loop requests the next one. When the loop exits
 * early, the iterator of `items` is closed. A `for await` loop takes turns with timers and sockets, however long it
 * computes; a `for` loop can't.
 */
export function track<Item>(
  task: CountedTask,
  items: Trackable<Item>,
  { onStart, volume = lengthOf(items) }: LoopOptions,
): Tracked<Item> | AsyncIterable<Item> {
  if (volume !== undefined) task.volume(volume);
  if (!isIterable(items)) return { [Symbol.asyncIterator]: () => countLater(task, items, onStart) };
  return {
    [Symbol.iterator]: () => count(task, items, onStart),
    [Symbol.asyncIterator]: () => countLater(task, items, onStart),
  };
}

function* count<Item>(
  task: CountedTask,
  items: Iterable<Item>,
  onStart: () => void,
): Generator<Item, void, undefined> {
  const { signal } = task;
  onStart();
  try {
    for (const item of items) {
      if (signal.aborted) throw signal.reason;
      yield item;
      task.advance();
    }
  } catch (error) {
    endBy(task, error);
    throw error;
  }
  task.finish();
}

async function* countLater<Item>(
  task: CountedTask,
  items: Trackable<Item>,
  onStart: () => void,
): AsyncGenerator<Item, void, undefined> {
  const { signal } = task;
  onStart();
  try {
    for await (const item of items) {
      if (signal.aborted) throw signal.reason;
      yield item;
      task.advance();
      if (eventLoop.isTurnDue) await eventLoop.turn();
    }
  } catch (error) {
    endBy(task, error);
    throw error;
  }
  task.finish();
}

function endBy(task: CountedTask, error: unknown): void {
  if (task.signal.aborted) task.cancel(error instanceof Error ? error.message : undefined);
  else task.fail(error);
}

function lengthOf(items: object): number | undefined {
  if ("length" in items && typeof items.length === "number") return items.length;
  if ("size" in items && typeof items.size === "number") return items.size;
  return undefined;
}

function isIterable<Item>(items: Trackable<Item>): items is Iterable<Item> {
  return Symbol.iterator in Object(items);
}
