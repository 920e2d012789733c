import { visit, type DocumentNode, type ExecutionResult } from "graphql";
import { visibilityKey } from "../../auth/rights.js";
import { EventBatch } from "../../hub/live-group.js";
import type { StreamSink, PullStream } from "../../hub/pull-stream.js";
import { formatPosition, type Position } from "../../protocol/position.js";
import { utf8AsLatin1 } from "../../util/latin1.js";
import { BoundedCache } from "../../util/bounded-cache.js";
import { RefCountedMap, type SharedRef } from "../../util/ref-counted-map.js";
import type { OperationContext, OperationObserver } from "../context.js";

/** The part of an operation that says what is asked. */
interface SubscriptionKey {
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variableValues: Readonly<Record<string, unknown>>;
  readonly contextValue: OperationContext;
}

/** What an event looks like to those who ask the same: executed, and made into text, once for all of them. */
export class EventResult {
  readonly #result: ExecutionResult;
  readonly #position: Position | undefined;
  #text: string | undefined;
  #latin1: string | undefined;

  constructor(result: ExecutionResult, event: unknown) {
    this.#result = result;
    this.#position = hasPosition(event) ? event.position : undefined;
  }

  /** Where the reader stands that has taken it; undefined where events have no position. */
  get position(): string | undefined {
    return this.#position && formatPosition(this.#position);
  }

  /** As JSON. */
  get text(): string {
    return (this.#text ??= JSON.stringify(this.#result));
  }

  /** The bytes of the text, as `latin1Of` has them. */
  get latin1(): string {
    return (this.#latin1 ??= utf8AsLatin1(this.text));
  }
}

export interface EventResultsOptions {
  readonly events: PullStream<unknown>;
  readonly group: SharedRef<ExecutionGroup>;
  readonly observer: OperationObserver;
  /** Called once, when nothing more comes of it. */
  readonly onReleased: () => void;
}

/**
 * The results of a subscription: one an event, executed when it is taken. They are taken one by one, or poured
 * into an outlet.
 */
export class EventResults implements AsyncIterableIterator<EventResult>, StreamSink<unknown> {
  readonly #events: PullStream<unknown>;
  readonly #group: SharedRef<ExecutionGroup>;
  readonly #observer: OperationObserver;
  readonly #onReleased: () => void;
  #outlet: StreamSink<EventResult> | undefined;
  #isReleased = false;

  constructor({ events, group, observer, onReleased }: EventResultsOptions) {
    this.#events = events;
    this.#group = group;
    this.#observer = observer;
    this.#onReleased = onReleased;
  }

  /** Gives all results to `outlet`, from now on. */
  pourInto(outlet: StreamSink<EventResult>): void {
    this.#outlet = outlet;
    this.#events.pipeTo(this);
  }

  /** The outlet may admit a result now. */
  resume(): void {
    this.#events.resume();
  }

  async next(): Promise<IteratorResult<EventResult>> {
    try {
      const result = await this.#events.take((event) => showIn(this.#group, event));
      if (result.done) this.#release();
      else this.#observer.eventsDelivered(1);
      return result;
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<EventResult>> {
    this.#release();
    await this.#events.return();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  canAccept(): boolean {
    return this.#outlet!.canAccept();
  }

  accept(events: EventBatch<unknown>): number {
    const group = this.#group;
    const results = events.memoize(
      group.value,
      () => new EventBatch(events.values.map((event) => showIn(group, event))),
    );
    const taken = this.#outlet!.accept(results);
    this.#observer.eventsDelivered(taken);
    return taken;
  }

  end(): void {
    this.#release();
    this.#outlet!.end();
  }

  fail(error: unknown): void {
    this.#release();
    this.#outlet!.fail(error);
  }

  #release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#group.release();
    this.#onReleased();
  }
}

/**
 * The subscriptions that ask the same. What an event looks like to them depends on the event alone, so it is
 * executed once for all of them. They go on together, so few results need be kept.
 */
export class ExecutionGroup {
  readonly #execute: (event: unknown) => ExecutionResult;
  readonly #results = new BoundedCache<unknown, EventResult>(RESULTS_KEPT);

  constructor(execute: (event: unknown) => ExecutionResult) {
    this.#execute = execute;
  }

  resultFor(event: unknown): EventResult {
    return new EventResult(this.#execute(event), event);
  }

  shareResult(event: unknown): EventResult {
    const known = this.#results.get(event);
    if (known) return known;
    const result = this.resultFor(event);
    this.#results.set(event, result);
    return result;
  }
}

function showIn({ value, isShared }: SharedRef<ExecutionGroup>, event: unknown): EventResult {
  return isShared ? value.shareResult(event) : value.resultFor(event);
}

const RESULTS_KEPT = 4;

/** The groups of subscriptions that are open, by what they ask. */
export class ExecutionGroups {
  readonly #groups = new RefCountedMap<string, ExecutionGroup>();
  readonly #documents = new WeakMap<DocumentNode, DocumentTraits>();
  #documentCount = 0;

  /** The group of those who ask the same; `execute` shows one of them an event. */
  join(question: SubscriptionKey, execute: (event: unknown) => ExecutionResult): SharedRef<ExecutionGroup> {
    return this.#groups.acquire(this.#keyOf(question), () => new ExecutionGroup(execute));
  }

  /**
   * A variable that is a Position says where a subscriber begins, and never what an event looks like: who
   * resumes joins those who were there all the time. Nor does it matter who asks, as long as they see the same.
   */
  #keyOf({ document, operationName, variableValues, contextValue }: SubscriptionKey): string {
    const { id, positions } = this.#traitsOf(document);
    const variables = Object.entries(variableValues).filter(([name]) => !positions.has(name));
    return JSON.stringify([id, operationName, visibilityKey(contextValue.caller.rights), variables]);
  }

  #traitsOf(document: DocumentNode): DocumentTraits {
    const known = this.#documents.get(document);
    if (known) return known;
    const traits = { id: ++this.#documentCount, positions: positionVariables(document) };
    this.#documents.set(document, traits);
    return traits;
  }
}

interface DocumentTraits {
  readonly id: number;
  /** The names of the variables that are positions. */
  readonly positions: ReadonlySet<string>;
}

function positionVariables(document: DocumentNode): Set<string> {
  const names = new Set<string>();
  visit(document, {
    VariableDefinition({ variable, type }) {
      const named = type.kind === "NonNullType" ? type.type : type;
      if (named.kind === "NamedType" && named.name.value === "Position") names.add(variable.name.value);
    },
  });
  return names;
}

function hasPosition(event: unknown): event is { readonly position: Position } {
  return typeof event === "object" && event !== null && "position" in event;
}
