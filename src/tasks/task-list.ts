import type { Stamp } from "./stamp.js";

/**
 * The sub-tasks of a task, in order: an immutable list in which a change copies a few dozen slots, however long
 * the list is.
 *
 * Up to 32 tasks form a short list: a plain array. More form a long list of up to 32 lists, all full except the
 * last, so that an index can be computed. 10,000 tasks are three levels deep:
 *
 *     long ─┬─ long ─┬─ short ── 32 tasks
 *           │        ├─ short ── 32 tasks
 *           │        ⋮
 *           └─ long ─── short ── the rest
 *
 * Like a task, a list carries the stamp of the latest change in it, so that changes are found without visiting
 * unchanged parts.
 */
export type TaskList<T extends Stamped> = ShortTaskList<T> | LongTaskList<T>;

/** An element of a list: a task, of which only the stamp matters here, or a list. */
interface Stamped {
  readonly stamp: Stamp;
}

/** Creates a list of `tasks`, none of which may be newer than `stamp`. */
export function createTaskList<T extends Stamped>(tasks: readonly T[], stamp: Stamp): TaskList<T> {
  if (tasks.length <= BRANCHING_FACTOR) return new ShortTaskList(tasks, stamp);
  let lists: readonly TaskList<T>[] = chunksOf(tasks).map((chunk) => new ShortTaskList(chunk, stamp));
  for (let capacityEach = BRANCHING_FACTOR; lists.length > 1; capacityEach *= BRANCHING_FACTOR) {
    lists = chunksOf(lists).map((chunk) => new LongTaskList(chunk, capacityEach, stamp));
  }
  return lists[0]!;
}

/** Whether to visit a task, or a list of tasks, with this stamp. */
export type VisitPredicate = (part: Stamped) => boolean;

/** The maximum number of tasks or lists in one list: few enough to copy. */
const BRANCHING_FACTOR = 32;

class ShortTaskList<T extends Stamped> {
  readonly tasks: readonly T[];
  readonly stamp: Stamp;

  constructor(tasks: readonly T[], stamp: Stamp) {
    this.tasks = tasks;
    this.stamp = stamp;
  }

  get length(): number {
    return this.tasks.length;
  }

  /** The number of tasks that fit before the list needs another level. */
  get capacity(): number {
    return BRANCHING_FACTOR;
  }

  at(index: number): T | undefined {
    return this.tasks[index];
  }

  toArray(): readonly T[] {
    return this.tasks;
  }

  /** Calls `visit` with each task that passes `isEntered`, and its index, counted from `first`. */
  forEach(isEntered: VisitPredicate, visit: (task: T, index: number) => void, first = 0): void {
    for (let slot = 0; slot < this.tasks.length; slot++) {
      const task = this.tasks[slot]!;
      if (isEntered(task)) visit(task, first + slot);
    }
  }

  /** Replaces the task at `index`, which must exist, as part of the change `stamp`. */
  with(index: number, task: T, stamp: Stamp): TaskList<T> {
    const tasks = this.tasks.slice();
    tasks[index] = task;
    return new ShortTaskList(tasks, stamp);
  }

  /** Replaces the tasks from `start` up to `end`, as part of the change `stamp`. Returns the same list if none changes. */
  map(start: number, end: number, replace: (task: T) => T, stamp: Stamp): TaskList<T> {
    let tasks: T[] | undefined;
    for (let slot = Math.max(start, 0); slot < Math.min(end, this.tasks.length); slot++) {
      const before = this.tasks[slot]!;
      const after = replace(before);
      if (after === before) continue;
      tasks ??= this.tasks.slice();
      tasks[slot] = after;
    }
    return tasks ? new ShortTaskList(tasks, stamp) : this;
  }

  append(task: T, stamp: Stamp): TaskList<T> {
    if (this.tasks.length < BRANCHING_FACTOR) return new ShortTaskList([...this.tasks, task], stamp);
    return new LongTaskList([this, new ShortTaskList([task], stamp)], BRANCHING_FACTOR, stamp);
  }

  /**
   * Calls `visit` with each task that differs from the one at its index in `before`, and its index, counted
   * from `first`. Parts that both lists share are skipped. `before` is never longer: tasks are only ever added.
   */
  forEachNew(before: TaskList<T> | undefined, visit: (task: T, index: number) => void, first = 0): void {
    if (before === this) return;
    for (let slot = 0; slot < this.tasks.length; slot++) {
      const task = this.tasks[slot]!;
      if (task !== before?.at(slot)) visit(task, first + slot);
    }
  }

  /** The list at `slot`, if this list is compared with a longer one. */
  part(slot: number): TaskList<T> | undefined {
    return slot === 0 ? this : undefined;
  }
}

class LongTaskList<T extends Stamped> {
  readonly lists: readonly TaskList<T>[];
  readonly stamp: Stamp;
  /** The capacity of each of the lists. */
  readonly #capacityEach: number;

  constructor(lists: readonly TaskList<T>[], capacityEach: number, stamp: Stamp) {
    this.lists = lists;
    this.#capacityEach = capacityEach;
    this.stamp = stamp;
  }

  get length(): number {
    return (this.lists.length - 1) * this.#capacityEach + this.lists.at(-1)!.length;
  }

  get capacity(): number {
    return this.#capacityEach * BRANCHING_FACTOR;
  }

  at(index: number): T | undefined {
    const slot = Math.floor(index / this.#capacityEach);
    return this.lists[slot]?.at(index - slot * this.#capacityEach);
  }

  toArray(): readonly T[] {
    return this.lists.flatMap((list) => list.toArray());
  }

  forEach(isEntered: VisitPredicate, visit: (task: T, index: number) => void, first = 0): void {
    for (let slot = 0; slot < this.lists.length; slot++) {
      const list = this.lists[slot]!;
      if (isEntered(list)) list.forEach(isEntered, visit, first + slot * this.#capacityEach);
    }
  }

  with(index: number, task: T, stamp: Stamp): TaskList<T> {
    const slot = Math.floor(index / this.#capacityEach);
    const lists = this.lists.slice();
    lists[slot] = lists[slot]!.with(index - slot * this.#capacityEach, task, stamp);
    return new LongTaskList(lists, this.#capacityEach, stamp);
  }

  map(start: number, end: number, replace: (task: T) => T, stamp: Stamp): TaskList<T> {
    let lists: TaskList<T>[] | undefined;
    const firstSlot = Math.max(0, Math.floor(start / this.#capacityEach));
    const endSlot = Math.min(this.lists.length, Math.ceil(end / this.#capacityEach));
    for (let slot = firstSlot; slot < endSlot; slot++) {
      const before = this.lists[slot]!;
      const first = slot * this.#capacityEach;
      const after = before.map(start - first, end - first, replace, stamp);
      if (after === before) continue;
      lists ??= this.lists.slice();
      lists[slot] = after;
    }
    return lists ? new LongTaskList(lists, this.#capacityEach, stamp) : this;
  }

  append(task: T, stamp: Stamp): TaskList<T> {
    if (this.length === this.capacity) {
      return new LongTaskList([this, new ShortTaskList([task], stamp)], this.capacity, stamp);
    }
    const last = this.lists.at(-1)!;
    const lists =
      last.length < this.#capacityEach
        ? [...this.lists.slice(0, -1), last.append(task, stamp)]
        : [...this.lists, new ShortTaskList([task], stamp)];
    return new LongTaskList(lists, this.#capacityEach, stamp);
  }

  forEachNew(before: TaskList<T> | undefined, visit: (task: T, index: number) => void, first = 0): void {
    if (before === this) return;
    for (let slot = 0; slot < this.lists.length; slot++) {
      const old = before?.part(slot, this.#capacityEach);
      this.lists[slot]!.forEachNew(old, visit, first + slot * this.#capacityEach);
    }
  }

  part(slot: number, capacityEach: number): TaskList<T> | undefined {
    if (capacityEach === this.#capacityEach) return this.lists[slot];
    return slot === 0 ? this : undefined;
  }
}

function chunksOf<T>(things: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(things.length / BRANCHING_FACTOR) }, (_, at) =>
    things.slice(at * BRANCHING_FACTOR, (at + 1) * BRANCHING_FACTOR),
  );
}
