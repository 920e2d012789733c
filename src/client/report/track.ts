import type { PlatformSignal } from "../platform.js";
import { eventLoop } from "./event-loop.js";
import { failureReason, propertyOf } from "./failure-reason.js";
import { textOf } from "./input-values.js";

/** The part of a task that counts a loop. */
export interface CountedTask {
  readonly signal: PlatformSignal;
  advance(): void;
  volume(units: number): void;
  finish(): void;
  fail(error: unknown): void;
  cancel(reason?: string): void;
  /** The loop was left early, so no more units will come. */
  leave(): void;
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

/** @throws TypeError for a value that no loop can iterate. */
export function checkTrackable(items: unknown): void {
  const object = Object(items) as object;
  if (Symbol.iterator in object || Symbol.asyncIterator in object) return;
  throw new TypeError(`Can't track ${textOf(items)}: expected an iterable, such as an array.`);
}

/**
 * Counts the items of a loop on `task`. An item counts as done once the loop requests the next one. When the loop exits
 * early, the iterator of `items` is closed, and the task ends with the one above it, with what was counted as its volume. A `for await` loop takes turns with timers and sockets, however long it
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
  let end = (): void => task.leave();
  try {
    for (const item of items) {
      if (signal.aborted) throw signal.reason;
      yield item;
      task.advance();
    }
    end = () => task.finish();
  } catch (error) {
    end = () => endBy(task, error);
    throw error;
  } finally {
    end();
  }
}

async function* countLater<Item>(
  task: CountedTask,
  items: Trackable<Item>,
  onStart: () => void,
): AsyncGenerator<Item, void, undefined> {
  const { signal } = task;
  onStart();
  let end = (): void => task.leave();
  try {
    for await (const item of items) {
      if (signal.aborted) throw signal.reason;
      yield item;
      task.advance();
      if (eventLoop.isTurnDue) await eventLoop.turn();
    }
    end = () => task.finish();
  } catch (error) {
    end = () => endBy(task, error);
    throw error;
  } finally {
    end();
  }
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
