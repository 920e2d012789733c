import type { ExecutionResult } from "graphql";
import { LRUCache } from "lru-cache";
import type { TaskEvent } from "../../hub/task-event.js";
import { formatPosition, type Position } from "../../protocol/position.js";
import { changedTasksSince } from "../../tasks/traverse.js";
import { utf8AsLatin1 } from "../../util/latin1.js";

/** An operation, with its variables and the rights of its caller, as far as they determine the results. */
export interface TextSource {
  /** Differs between operations with different results. */
  readonly id: number;
  /** Whether it may select `changed`, the only field that depends on the changes that a subscriber has received. */
  readonly selectsChanged: boolean;
  execute(event: unknown): ExecutionResult;
}

/**
 * The serialized events of one operation, each shared by subscribers at different positions. Subscribers that catch up
 * receive the same job at the same revision, but each has its own base, which is part of the position. So an event is
 * executed once with a mark as its position, and the text around the mark is kept.
 */
export class EventTexts {
  readonly #texts = new LRUCache<string, EventText>({
    maxSize: BYTES_MAX,
    maxEntrySize: BYTES_MAX / 8,
    sizeCalculation: ({ bytes }) => bytes,
  });

  /** The bytes of all texts, estimated. */
  get bytes(): number {
    return this.#texts.calculatedSize;
  }

  /** Releases the memory of all texts. */
  clear(): void {
    this.#texts.clear();
  }

  /** The text of `event` for every position at which it is received. One with errors, which only a defect has, is not kept. */
  of(event: TaskEvent, source: TextSource): EventText {
    const key = `${source.id} ${contentOf(event, source)}`;
    const known = this.#texts.get(key);
    if (known) return known;
    const result = source.execute(marked(event));
    const text = new EventText(JSON.stringify(result));
    if (!result.errors) this.#texts.set(key, text);
    return text;
  }
}

/** The text of an event, with gaps for what depends on the subscriber. */
export class EventText {
  readonly #parts: readonly string[];
  readonly #latin1Parts: readonly string[];
  readonly bytes: number;

  /** @param text of a marked event. */
  constructor(text: string) {
    this.#parts = text.split(POSITION_MARK_TEXT);
    this.#latin1Parts = this.#parts.map(utf8AsLatin1);
    this.bytes = BYTES_OF_ENTRY + 2 * text.length + BYTES_OF_PART * this.#parts.length;
  }

  /** The result of `event` as JSON. */
  text(event: TaskEvent): string {
    return filled(this.#parts, event);
  }

  /** The UTF-8 bytes of that text, as a Latin-1 string. */
  latin1(event: TaskEvent): string {
    return filled(this.#latin1Parts, event);
  }
}

/** `join` makes a flat string, which is faster to read than a concatenation. */
function filled(parts: readonly string[], event: TaskEvent): string {
  const text = parts.join(formatPosition(event.position));
  return isAboutJob(event) ? text : text.replaceAll(INSTANT_MARK_TEXT, new Date(event.at).toISOString());
}

/** Bounds the texts of all operations: enough for ten thousand jobs of ordinary size, in a heap of any size. */
const BYTES_MAX = 16_000_000;

/** The memory of an entry besides its text, estimated. */
const BYTES_OF_ENTRY = 600;
const BYTES_OF_PART = 50;

/** Equal for events of one operation that differ only in what is marked. */
function contentOf(event: TaskEvent, { selectsChanged }: TextSource): string {
  const { epoch, revision } = event.position;
  switch (event.kind) {
    case "Reset":
      return `Reset ${event.cause}`;
    case "CaughtUp":
      return "CaughtUp";
    case "TaskStored":
    case "TaskRemoved":
      return `${event.kind} ${epoch}.${revision}`;
    case "TaskUpdated":
      return `TaskUpdated ${epoch}.${revision} ${selectsChanged ? changedCount(event) : ""}`;
  }
}

/** The tasks changed since an earlier revision include those changed since a later one, so their number identifies them. */
function changedCount({ userTask, since }: TaskEvent & { readonly kind: "TaskUpdated" }): number {
  return changedTasksSince(userTask.task, since).length;
}

function marked(event: TaskEvent): TaskEvent {
  return isAboutJob(event)
    ? { ...event, position: POSITION_MARK }
    : { ...event, position: POSITION_MARK, at: INSTANT_MARK };
}

/** The `at` of other events is the moment at which they are made. */
function isAboutJob({ kind }: TaskEvent): boolean {
  return kind !== "Reset" && kind !== "CaughtUp";
}

/** Random, so that no text of a user can contain it, and never sent. */
const POSITION_MARK: Position = { epoch: crypto.randomUUID(), revision: 0 };
const POSITION_MARK_TEXT = formatPosition(POSITION_MARK);

/** A fixed instant is enough: an event that is not about a job contains no text of a user. */
const INSTANT_MARK = Date.UTC(9000, 0);
const INSTANT_MARK_TEXT = new Date(INSTANT_MARK).toISOString();
