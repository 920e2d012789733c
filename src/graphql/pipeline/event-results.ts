import { visit, type DocumentNode, type ExecutionResult } from "graphql";
import { visibilityKey } from "../../auth/rights.js";
import { EventBatch } from "../../hub/live-group.js";
import type { StreamSink, PullStream } from "../../hub/pull-stream.js";
import type { TaskEvent } from "../../hub/task-event.js";
import { formatPosition, type Position } from "../../protocol/position.js";
import { isTaskEvent } from "./event-facts.js";
import { EventTexts, type EventText, type TextSource } from "./event-texts.js";
import { utf8AsLatin1 } from "../../util/latin1.js";
import { BoundedCache } from "../../util/bounded-cache.js";
import { RefCountedMap, type SharedRef } from "../../util/ref-counted-map.js";
import type { OperationContext, OperationObserver } from "../context.js";

/** The parts of an operation that determine its results. */
interface SubscriptionKey {
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variableValues: Readonly<Record<string, unknown>>;
  readonly contextValue: OperationContext;
}

/** The result of an event, as all transports send it. */
export interface EventResult {
  /** The reader's position after this result; undefined if the events have none. */
  readonly position: string | undefined;
  /** The result as JSON. */
  readonly text: string;
  /** The UTF-8 bytes of the text, as a Latin-1 string. */
  readonly latin1: string;
}

/** A result that is executed for its event, and serialized once for all subscribers at the same position. */
class ExecutedResult implements EventResult {
  readonly #result: ExecutionResult;
  readonly #position: Position | undefined;
  #text: string | undefined;
  #latin1: string | undefined;

  constructor(result: ExecutionResult, event: unknown) {
    this.#result = result;
    this.#position = isTaskEvent(event) ? event.position : undefined;
  }

  get position(): string | undefined {
    return this.#position && formatPosition(this.#position);
  }

  get text(): string {
    return (this.#text ??= JSON.stringify(this.#result));
  }

  get latin1(): string {
    return (this.#latin1 ??= utf8AsLatin1(this.text));
  }
}

/** A result whose text is shared with subscribers at other positions. */
class FilledResult implements EventResult {
  readonly #shared: EventText;
  readonly #event: TaskEvent;

  constructor(shared: EventText, event: TaskEvent) {
    this.#shared = shared;
    this.#event = event;
  }

  get position(): string {
    return formatPosition(this.#event.position);
  }

  get text(): string {
    return this.#shared.text(this.#event);
  }

  get latin1(): string {
    return this.#shared.latin1(this.#event);
  }
}

export interface EventResultsOptions {
  readonly events: PullStream<unknown>;
  readonly group: SharedRef<ExecutionGroup>;
  readonly observer: OperationObserver;
  /** Called once, when the subscription ends. */
  readonly onReleased: () => void;
}

/**
 * The results of a subscription, one per event, executed when they are read. They are read one by one, or piped to
 * a sink.
 */
export class EventResults implements AsyncIterableIterator<EventResult>, StreamSink<unknown> {
  readonly #events: PullStream<unknown>;
  readonly #group: SharedRef<ExecutionGroup>;
  readonly #observer: OperationObserver;
  readonly #onReleased: () => void;
  #sink: StreamSink<EventResult> | undefined;
  #isReleased = false;

  constructor({ events, group, observer, onReleased }: EventResultsOptions) {
    this.#events = events;
    this.#group = group;
    this.#observer = observer;
    this.#onReleased = onReleased;
  }

  /** Writes all further results to `sink`. */
  pipeTo(sink: StreamSink<EventResult>): void {
    this.#sink = sink;
    this.#events.pipeTo(this);
  }

  /** Call it when the sink can accept results again. */
  resume(): void {
    this.#events.resume();
  }

  async next(): Promise<IteratorResult<EventResult>> {
    try {
      const result = await this.#events.take((event) => textIn(this.#group, event));
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
    return this.#sink!.canAccept();
  }

  accept(events: EventBatch<unknown>): number {
    const group = this.#group;
    const resultOf = events.isForOne ? textIn : resultIn;
    const results = events.memoize(
      group.value,
      () => new EventBatch(events.values.map((event) => resultOf(group, event))),
    );
    const accepted = this.#sink!.accept(results);
    this.#observer.eventsDelivered(accepted);
    return accepted;
  }

  end(): void {
    this.#release();
    this.#sink!.end();
  }

  fail(error: unknown): void {
    this.#release();
    this.#sink!.fail(error);
  }

  #release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#group.release();
    this.#onReleased();
  }
}

/**
 * Subscriptions with equal results: a result depends only on the event, so each event is executed once for all of
 * them. Those that are live advance together, so a few cached results are enough; those that catch up share texts.
 */
export class ExecutionGroup {
  readonly #source: TextSource;
  readonly #texts: EventTexts;
  readonly #results = new BoundedCache<unknown, EventResult>(RESULTS_MAX);

  constructor(source: TextSource, texts: EventTexts) {
    this.#source = source;
    this.#texts = texts;
  }

  resultFor(event: unknown): EventResult {
    return new ExecutedResult(this.#source.execute(event), event);
  }

  /** The result of an event that subscribers receive at the same position. */
  shareResult(event: unknown): EventResult {
    return this.#results.get(event) ?? this.#share(event, this.resultFor(event));
  }

  /** The result of an event that subscribers receive at different positions. */
  shareText(event: unknown): EventResult {
    if (!isTaskEvent(event)) return this.shareResult(event);
    return this.#results.get(event) ?? this.#share(event, this.#filledResult(event));
  }

  #filledResult(event: TaskEvent): EventResult {
    return new FilledResult(this.#texts.of(event, this.#source), event);
  }

  #share(event: unknown, result: EventResult): EventResult {
    this.#results.set(event, result);
    return result;
  }
}

function resultIn({ value, isShared }: SharedRef<ExecutionGroup>, event: unknown): EventResult {
  return isShared ? value.shareResult(event) : value.resultFor(event);
}

function textIn({ value, isShared }: SharedRef<ExecutionGroup>, event: unknown): EventResult {
  return isShared ? value.shareText(event) : value.resultFor(event);
}

const RESULTS_MAX = 4;

/** The groups of all open subscriptions. */
export class ExecutionGroups {
  readonly #groups = new RefCountedMap<string, ExecutionGroup>(() => this.#onGroupEnded());
  readonly #texts = new EventTexts();
  readonly #documents = new WeakMap<DocumentNode, DocumentTraits>();
  #documentCount = 0;
  #groupCount = 0;

  /** The memory of shared texts in bytes, estimated. */
  get textBytes(): number {
    return this.#texts.bytes;
  }

  /** Joins or creates the group of a subscription. @param execute executes an event for any member. */
  join(
    subscription: SubscriptionKey,
    execute: (event: unknown) => ExecutionResult,
  ): SharedRef<ExecutionGroup> {
    return this.#groups.acquire(this.#keyOf(subscription), () => {
      const { selectsChanged } = this.#traitsOf(subscription.document);
      return new ExecutionGroup({ id: ++this.#groupCount, selectsChanged, execute }, this.#texts);
    });
  }

  #onGroupEnded(): void {
    if (this.#groups.size === 0) this.#texts.clear();
  }

  /**
   * A variable of type Position sets where a subscription begins, and does not affect the results, so a resumed
   * subscription joins the group of the others. Callers with the same view also share a group.
   */
  #keyOf({ document, operationName, variableValues, contextValue }: SubscriptionKey): string {
    const { id, positions } = this.#traitsOf(document);
    const variables = Object.entries(variableValues).filter(([name]) => !positions.has(name));
    return JSON.stringify([id, operationName, visibilityKey(contextValue.caller.rights), variables]);
  }

  #traitsOf(document: DocumentNode): DocumentTraits {
    const known = this.#documents.get(document);
    if (known) return known;
    const id = ++this.#documentCount;
    const traits = {
      id,
      positions: positionVariables(document),
      selectsChanged: selects("changed", document),
    };
    this.#documents.set(document, traits);
    return traits;
  }
}

interface DocumentTraits {
  readonly id: number;
  /** The names of the variables of type Position. */
  readonly positions: ReadonlySet<string>;
  /** Whether a field `changed` is selected anywhere. */
  readonly selectsChanged: boolean;
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

function selects(field: string, document: DocumentNode): boolean {
  let isSelected = false;
  visit(document, {
    Field({ name }) {
      isSelected ||= name.value === field;
    },
  });
  return isSelected;
}
