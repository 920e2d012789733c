import { visit, type DocumentNode, type ExecutionResult } from "graphql";
import type { PullStream } from "../hub/pull-stream.js";
import { formatPosition, type Position } from "../protocol/position.js";
import { RecentValues } from "../util/recent-values.js";
import { SharedValues, type Lease } from "../util/shared-values.js";
import type { OperationContext, OperationObserver } from "./context.js";

/** The part of an operation that says what is asked. */
interface Question {
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variableValues: Readonly<Record<string, unknown>>;
  readonly contextValue: OperationContext;
}

export interface EventResultsOptions {
  readonly events: PullStream<unknown>;
  readonly group: Lease<ExecutionGroup>;
  readonly execute: (event: unknown) => ExecutionResult;
  readonly observer: OperationObserver;
}

/** Where results go. */
export interface Outlet {
  /** Whether one more may be pulled for it now. */
  admits(): boolean;
  /** One was pulled for it. */
  filled(): void;
}

/** The results of a subscription: one an event, executed when it is asked for. One `next` at a time. */
export class EventResults implements AsyncIterableIterator<ExecutionResult> {
  readonly #options: EventResultsOptions;
  #outlet: Outlet | undefined;
  #position: Position | undefined;
  #isReleased = false;

  constructor(options: EventResultsOptions) {
    this.#options = options;
  }

  /** Where the reader stands that has taken the latest result; undefined where events have no position. */
  get position(): string | undefined {
    return this.#position && formatPosition(this.#position);
  }

  /** From now on no more is pulled than `outlet` admits; to be resumed when it admits again. */
  pullInto(outlet: Outlet): void {
    this.#outlet = outlet;
  }

  resume(): void {
    this.#options.events.resume();
  }

  async next(): Promise<IteratorResult<ExecutionResult>> {
    try {
      const result = await this.#options.events.take(
        (event) => this.#show(event),
        () => this.#outlet?.admits() ?? true,
      );
      if (result.done) this.#release();
      return result;
    } catch (error) {
      await this.return();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<ExecutionResult>> {
    this.#release();
    await this.#options.events.return();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #show(event: unknown): ExecutionResult {
    this.#position = hasPosition(event) ? event.position : undefined;
    const { group, execute, observer } = this.#options;
    observer.eventTold();
    this.#outlet?.filled();
    return group.isShared ? group.value.show(event, execute) : execute(event);
  }

  #release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#options.group.release();
  }
}

/**
 * The subscriptions that ask the same. What an event looks like to them depends on the event alone, so it is
 * executed once for all of them. They go on together, so few results need be kept.
 */
export class ExecutionGroup {
  readonly #results = new RecentValues<unknown, ExecutionResult>(RESULTS_KEPT);

  show(event: unknown, execute: (event: unknown) => ExecutionResult): ExecutionResult {
    const known = this.#results.get(event);
    if (known) return known;
    const result = execute(event);
    this.#results.set(event, result);
    return result;
  }
}

const RESULTS_KEPT = 4;

/** The groups of subscriptions that are open, by what they ask. */
export class ExecutionGroups {
  readonly #groups = new SharedValues<string, ExecutionGroup>();
  readonly #documents = new WeakMap<DocumentNode, DocumentTraits>();
  #documentCount = 0;

  /** The group of those who ask the same. */
  join(question: Question): Lease<ExecutionGroup> {
    return this.#groups.acquire(this.#keyOf(question), () => new ExecutionGroup());
  }

  /**
   * A variable that is a Position says where a subscriber begins, and never what an event looks like: who
   * resumes joins those who were there all the time.
   */
  #keyOf({ document, operationName, variableValues, contextValue }: Question): string {
    const { id, positions } = this.#traitsOf(document);
    const variables = Object.entries(variableValues).filter(([name]) => !positions.has(name));
    return JSON.stringify([id, operationName, contextValue.caller, variables]);
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
