import type { Stamp } from "./stamp.js";

/**
 * The tasks directly below one, in order: an immutable list of which a change copies a few dozen places and not
 * all, however many tasks stand beside each other.
 *
 * Up to 32 tasks are a short list: a plain array. More are a long one: up to 32 lists, all of them full but the
 * last, so that the place of an index is known. 10,000 tasks are three deep:
 *
 *     long ─┬─ long ─┬─ short ── 32 tasks
 *           │        ├─ short ── 32 tasks
 *           │        ⋮
 *           └─ long ─── short ── the rest
 *
 * As a task does, a list carries the stamp of the latest change in it: what has changed is found without looking
 * at what has not.
 */
export type TaskList<T extends Stamped> = ShortTaskList<T> | LongTaskList<T>;

/** What a list has in it: tasks, which are told by their stamp alone here, or lists. */
interface Stamped {
  readonly stamp: Stamp;
}

/** The list of `tasks`, of which none is newer than `stamp`. */
export function createTaskList<T extends Stamped>(tasks: readonly T[], stamp: Stamp): TaskList<T> {
  if (tasks.length <= BRANCHING_FACTOR) return new ShortTaskList(tasks, stamp);
  let lists: readonly TaskList<T>[] = chunksOf(tasks).map((chunk) => new ShortTaskList(chunk, stamp));
  for (let roomEach = BRANCHING_FACTOR; lists.length > 1; roomEach *= BRANCHING_FACTOR) {
    lists = chunksOf(lists).map((chunk) => new LongTaskList(chunk, roomEach, stamp));
  }
  return lists[0]!;
}

/** Whether one is interested in a task, or in a list of tasks, as new as this. */
export type VisitPredicate = (part: Stamped) => boolean;

/** What a list has in it at most, be it tasks or lists: few enough to copy, and 10,000 tasks are three deep. */
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

  /** How many tasks find a place before there must be another list. */
  get capacity(): number {
    return BRANCHING_FACTOR;
  }

  at(index: number): T | undefined {
    return this.tasks[index];
  }

  toArray(): readonly T[] {
    return this.tasks;
  }

  /** Calls back with each task that is entered, and its index, counted from `first`. */
  forEach(isEntered: VisitPredicate, visit: (task: T, index: number) => void, first = 0): void {
    for (let place = 0; place < this.tasks.length; place++) {
      const task = this.tasks[place]!;
      if (isEntered(task)) visit(task, first + place);
    }
  }

  /** Another task in the place `index`, where there is one, as part of the change `stamp`. */
  with(index: number, task: T, stamp: Stamp): TaskList<T> {
    const tasks = this.tasks.slice();
    tasks[index] = task;
    return new ShortTaskList(tasks, stamp);
  }

  /** The tasks from `start` up to `end` replaced, as part of the change `stamp`; the same list when none differs. */
  map(start: number, end: number, replace: (task: T) => T, stamp: Stamp): TaskList<T> {
    let tasks: T[] | undefined;
    for (let place = Math.max(start, 0); place < Math.min(end, this.tasks.length); place++) {
      const before = this.tasks[place]!;
      const after = replace(before);
      if (after === before) continue;
      tasks ??= this.tasks.slice();
      tasks[place] = after;
    }
    return tasks ? new ShortTaskList(tasks, stamp) : this;
  }

  /** One task more at the end. */
  append(task: T, stamp: Stamp): TaskList<T> {
    if (this.tasks.length < BRANCHING_FACTOR) return new ShortTaskList([...this.tasks, task], stamp);
    return new LongTaskList([this, new ShortTaskList([task], stamp)], BRANCHING_FACTOR, stamp);
  }

  /**
   * Calls back with each task that is not at its place in `before`, and its index, counted from `first`. What the
   * two share is not looked at. `before` is not longer: tasks are only ever added.
   */
  forEachNew(before: TaskList<T> | undefined, visit: (task: T, index: number) => void, first = 0): void {
    if (before === this) return;
    for (let place = 0; place < this.tasks.length; place++) {
      const task = this.tasks[place]!;
      if (task !== before?.at(place)) visit(task, first + place);
    }
  }

  /** What lies where a longer list has its list `place`. */
  part(place: number): TaskList<T> | undefined {
    return place === 0 ? this : undefined;
  }
}

class LongTaskList<T extends Stamped> {
  readonly lists: readonly TaskList<T>[];
  readonly stamp: Stamp;
  /** The room of each of the lists. */
  readonly #capacityEach: number;

  constructor(lists: readonly TaskList<T>[], roomEach: number, stamp: Stamp) {
    this.lists = lists;
    this.#capacityEach = roomEach;
    this.stamp = stamp;
  }

  get length(): number {
    return (this.lists.length - 1) * this.#capacityEach + this.lists.at(-1)!.length;
  }

  get capacity(): number {
    return this.#capacityEach * BRANCHING_FACTOR;
  }

  at(index: number): T | undefined {
    const place = Math.floor(index / this.#capacityEach);
    return this.lists[place]?.at(index - place * this.#capacityEach);
  }

  toArray(): readonly T[] {
    return this.lists.flatMap((list) => list.toArray());
  }

  forEach(isEntered: VisitPredicate, visit: (task: T, index: number) => void, first = 0): void {
    for (let place = 0; place < this.lists.length; place++) {
      const list = this.lists[place]!;
      if (isEntered(list)) list.forEach(isEntered, visit, first + place * this.#capacityEach);
    }
  }

  with(index: number, task: T, stamp: Stamp): TaskList<T> {
    const place = Math.floor(index / this.#capacityEach);
    const lists = this.lists.slice();
    lists[place] = lists[place]!.with(index - place * this.#capacityEach, task, stamp);
    return new LongTaskList(lists, this.#capacityEach, stamp);
  }

  map(start: number, end: number, replace: (task: T) => T, stamp: Stamp): TaskList<T> {
    let lists: TaskList<T>[] | undefined;
    const firstPlace = Math.max(0, Math.floor(start / this.#capacityEach));
    const endPlace = Math.min(this.lists.length, Math.ceil(end / this.#capacityEach));
    for (let place = firstPlace; place < endPlace; place++) {
      const before = this.lists[place]!;
      const first = place * this.#capacityEach;
      const after = before.map(start - first, end - first, replace, stamp);
      if (after === before) continue;
      lists ??= this.lists.slice();
      lists[place] = after;
    }
    return lists ? new LongTaskList(lists, this.#capacityEach, stamp) : this;
  }

  append(task: T, stamp: Stamp): TaskList<T> {
    if (this.length === this.capacity) {
      return new LongTaskList([this, new ShortTaskList([task], stamp)], this.capacity, stamp);
    }
    const last = this.lists.at(-1)!;
    const more =
      last.length < this.#capacityEach
        ? [...this.lists.slice(0, -1), last.append(task, stamp)]
        : [...this.lists, new ShortTaskList([task], stamp)];
    return new LongTaskList(more, this.#capacityEach, stamp);
  }

  forEachNew(before: TaskList<T> | undefined, visit: (task: T, index: number) => void, first = 0): void {
    if (before === this) return;
    for (let place = 0; place < this.lists.length; place++) {
      const old = before?.part(place, this.#capacityEach);
      this.lists[place]!.forEachNew(old, visit, first + place * this.#capacityEach);
    }
  }

  part(place: number, roomEach: number): TaskList<T> | undefined {
    if (roomEach === this.#capacityEach) return this.lists[place];
    return place === 0 ? this : undefined;
  }
}

function chunksOf<T>(things: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(things.length / BRANCHING_FACTOR) }, (_, at) =>
    things.slice(at * BRANCHING_FACTOR, (at + 1) * BRANCHING_FACTOR),
  );
}
