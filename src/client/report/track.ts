import { failureReason, propertyOf } from "./failure-reason.js";
import { textOf } from "./input-values.js";

/** The part of a task that counts a loop. */
export interface CountedTask {
  readonly signal: AbortSignal;
  begin(): void;
  advance(): void;
  volume(units: number): void;
  finish(): void;
  fail(error: unknown): void;
  cancel(reason?: string): void;
}

export type Trackable<Item> = Iterable<Item> | AsyncIterable<Item>;

/** A tracked iterable, for a `for` or a `for await` loop. */
export type Tracked<Item> = Iterable<Item> & AsyncIterable<Item>;

/**
 * Counts the items of a loop on `task`. An item counts as done once the loop requests the next one. When the loop exits
 * early, the iterator of `items` is closed.
 */
export function track<Item>(
  task: CountedTask,
  items: Trackable<Item>,
  volume = lengthOf(items),
): Tracked<Item> | AsyncIterable<Item> {
  if (!isIterable(items) && !(Symbol.asyncIterator in Object(items))) {
    throw new TypeError(`Can't track ${textOf(items)}: expected an iterable, such as an array.`);
  }
  if (volume !== undefined) task.volume(volume);
  if (!isIterable(items)) return { [Symbol.asyncIterator]: () => countLater(task, items) };
  return {
    [Symbol.iterator]: () => count(task, items),
    [Symbol.asyncIterator]: () => countLater(task, items),
  };
}

function* count<Item>(task: CountedTask, items: Iterable<Item>): Generator<Item, void, undefined> {
  const { signal } = task;
  task.begin();
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
): AsyncGenerator<Item, void, undefined> {
  const { signal } = task;
  task.begin();
  try {
    for await (const item of items) {
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

function endBy(task: CountedTask, error: unknown): void {
  if (task.signal.aborted) task.cancel(failureReason(error));
  else task.fail(error);
}

function lengthOf(items: unknown): number | undefined {
  if (typeof items === "string") return [...items].length; // a loop takes characters, not UTF-16 units
  return [propertyOf(items, "length"), propertyOf(items, "size")].find(
    (length) => typeof length === "number",
  );
}

function isIterable<Item>(items: Trackable<Item>): items is Iterable<Item> {
  return Symbol.iterator in Object(items);
}
