import {
  createSourceEventStream,
  execute,
  getOperationAST,
  OperationTypeNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
} from "graphql";
import { expiredTokenError } from "../../auth/authenticator.js";
import type { Caller } from "../../auth/caller.js";
import { CallerCounts } from "../../auth/caller-counts.js";
import { CallerRates } from "../../auth/caller-rates.js";
import { parsePosition } from "../../protocol/position.js";
import { badUserInput, unavailable, type TidemarkError } from "../../protocol/tidemark-error.js";
import { assert } from "../../util/assert.js";
import type { Clock } from "../../util/clock.js";
import type { Hub } from "../../hub/hub.js";
import { PullStream } from "../../hub/pull-stream.js";
import type { TaskStoreProvider } from "../../store/task-store-provider.js";
import type { Log } from "../../util/log.js";
import { AnswerBudget } from "./answer-budget.js";
import type { OperationContext, Services } from "../context.js";
import { variablesLimitError } from "./document-limits.js";
import { DocumentCache } from "./document-cache.js";
import { EventResults, ExecutionGroups } from "./event-results.js";
import { maskError } from "./mask-error.js";
import type { BoundPlan } from "../compiled/operation-plan.js";
import { createMutationResultSchema } from "../compiled/mutation-result-schema.js";
import { Reader } from "../operations/reader.js";
import { Watcher } from "../operations/watcher.js";
import { Writer } from "../operations/writer.js";

/**
 * The one way of an operation, whichever transport brought it: parse, limits, validate, execute, mask. A
 * transport only reads requests and writes results, so no rule can hold on one and be missing on another.
 * (graphql-ws and Yoga each have a way of their own; neither is used.)
 *
 *     text ──► parse ──► limits ──► validate ──► execute | subscribe ──► mask ──► result
 *              └────── remembered by text ─────┘
 */
export class Pipeline {
  readonly schema: GraphQLSchema;
  readonly #options: PipelineOptions;
  readonly #services: Services;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #groups = new ExecutionGroups();
  readonly #documents: DocumentCache;
  readonly #introspection: boolean;
  readonly #operationRates: CallerRates;
  readonly #mutationRates: CallerRates;
  readonly #subscriptions: CallerCounts;
  readonly #performedMutations: GraphQLSchema;

  constructor(options: PipelineOptions) {
    this.schema = options.schema;
    this.#options = options;
    this.#services = options.services;
    this.#clock = options.clock;
    this.#log = options.log;
    const { limits } = options.services;
    this.#operationRates = new CallerRates("operationsPerSecondMax", limits, options.clock);
    this.#mutationRates = new CallerRates("mutationsPerSecondMax", limits, options.clock);
    this.#subscriptions = new CallerCounts("subscriptionsPerUserMax", limits);
    this.#introspection = options.introspection;
    this.#documents = new DocumentCache(options.schema, limits, options);
    this.#performedMutations = createMutationResultSchema(options.schema);
  }

  /**
   * Parses and checks an operation, without executing it. Gives what can be executed or subscribed to, or why
   * not.
   */
  prepare(request: OperationRequest): ExecutableOperation | RejectedOperation {
    const { caller } = request;
    if (caller.isExpired) return this.reject(expiredTokenError());
    const tooOften = this.#operationRates.take(caller);
    if (tooOften) return this.reject(tooOften);
    const { document, errors, plans, cost } = this.#documents.check(request.query);
    if (!document || errors.length > 0) return this.reject(...errors);
    const operation = getOperationAST(document, request.operationName);
    if (!operation) return this.reject(unknownOperation(request.operationName));
    const isMutation = operation.operation === OperationTypeNode.MUTATION;
    const tooManyMutations = isMutation ? this.#mutationRates.take(caller) : undefined;
    if (tooManyMutations) return this.reject(tooManyMutations);
    const tooDeep = variablesLimitError(request.variables, this.#services.limits);
    if (tooDeep) return this.reject(tooDeep);
    const variableValues = request.variables ?? {};
    const tooMuch = cost?.limitError(operation, variableValues);
    if (tooMuch) return this.reject(tooMuch);
    try {
      return {
        kind: operation.operation,
        schema: this.schema,
        document,
        operationName: request.operationName ?? null,
        variableValues,
        hideSuggestions: !this.#introspection,
        contextValue: this.#createContext(request),
        boundPlan: plans?.byOperation.get(operation)?.bind(variableValues),
      };
    } catch (error) {
      return this.reject(error);
    }
  }

  /** Executes a query or a mutation. Never rejects: a failure is in the result. */
  async execute(operation: ExecutableOperation): Promise<ExecutionResult> {
    try {
      const isQuery = operation.kind === OperationTypeNode.QUERY;
      return this.#masked(isQuery ? await this.#query(operation) : await this.#mutate(operation));
    } catch (error) {
      return this.reject(error);
    }
  }

  /** Opens a subscription; a refusal is a result. Never rejects. */
  async subscribe(operation: ExecutableOperation): Promise<EventResults | ExecutionResult> {
    let close: (() => void) | undefined;
    try {
      close = this.#subscriptions.open(operation.contextValue.caller);
      const source = await createSourceEventStream(operation);
      if (source instanceof PullStream) return this.#resultsOf(operation, source, close);
      close();
      return this.#masked(toExecutionResult(source));
    } catch (error) {
      close?.();
      return this.reject(error);
    }
  }

  /** What a client is told of failures; each is counted. */
  reject(...errors: readonly unknown[]): RejectedOperation {
    const masked = errors.map((error) => maskError(error, this.#log));
    for (const { extensions } of masked) this.#services.observer.failed(extensions);
    return { errors: masked };
  }

  /**
   * Law 3: a query runs in one turn of the event loop. Where it met a store that was not open it is run again
   * once that is.
   */
  async #query(operation: ExecutableOperation): Promise<ExecutionResult> {
    const { reader } = operation.contextValue;
    for (let run = 0; run < RUNS_MAX; run++) {
      const result = this.#run(operation);
      if (!reader.isIncomplete) return result;
      await reader.complete();
    }
    throw unavailable("The databases asked for could not be opened together. Ask for fewer.");
  }

  #resultsOf(
    operation: ExecutableOperation,
    events: PullStream<unknown>,
    onReleased: () => void,
  ): EventResults {
    const group = this.#groups.join(operation, (event) => this.#event(operation, event));
    return new EventResults({ events, group, observer: this.#services.observer, onReleased });
  }

  #event(operation: ExecutableOperation, rootValue: unknown): ExecutionResult {
    this.#services.observer.eventExecuted();
    return this.#masked(this.#run(operation, rootValue));
  }

  /**
   * Executes a query, or what an event looks like, at once. A run that fails in any way is done again by
   * graphql-js, which knows what to say.
   */
  #run(operation: ExecutableOperation, rootValue?: unknown): ExecutionResult {
    const data = operation.boundPlan?.execute(this.#withBudget(operation).contextValue, rootValue);
    return data ? { data } : requireSynchronous(execute({ ...this.#withBudget(operation), rootValue }));
  }

  /** Does what it asks for once; how the answer is made of that is as with queries. */
  async #mutate(operation: ExecutableOperation): Promise<ExecutionResult> {
    const { boundPlan, contextValue } = operation;
    if (!boundPlan) return execute(operation);
    const performed = await boundPlan.executeMutation(contextValue);
    const data = boundPlan.buildResult(performed, contextValue);
    if (data) return { data };
    const again = { ...this.#withBudget(operation), schema: this.#performedMutations, rootValue: performed };
    return requireSynchronous(execute(again));
  }

  /** Each run of a query, and each event, is an answer of its own. */
  #withBudget(operation: ExecutableOperation): ExecutableOperation {
    const contextValue = { ...operation.contextValue, budget: new AnswerBudget(this.#services.limits) };
    return { ...operation, contextValue };
  }

  #masked(result: ExecutionResult): ExecutionResult {
    return result.errors ? { ...result, ...this.reject(...result.errors) } : result;
  }

  /** @throws TidemarkError BAD_USER_INPUT for a position that is none. */
  #createContext({ caller, lastEventId }: OperationRequest): OperationContext {
    const resumeAfter = lastEventId ? parsePosition(lastEventId) : undefined;
    const { provider, hub, emptyHub } = this.#options;
    return {
      services: this.#services,
      caller,
      now: this.#clock.now(),
      reader: new Reader(provider, caller),
      writer: new Writer(provider, caller),
      watcher: new Watcher(hub, emptyHub, caller),
      budget: new AnswerBudget(this.#services.limits),
      resumeAfter,
    };
  }
}

export interface PipelineOptions {
  readonly schema: GraphQLSchema;
  readonly services: Services;
  readonly provider: TaskStoreProvider;
  readonly hub: Hub;
  /** A hub over databases that are empty for ever: what may not be seen is watched there. */
  readonly emptyHub: Hub;
  /** Whether clients may ask for the schema, and are told names that they may have meant. */
  readonly introspection: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** An operation as a client writes it. */
export interface OperationParams {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

/** An operation as a transport reads it. */
export interface OperationRequest extends OperationParams {
  /** Who asks. */
  readonly caller: Caller;
  /** The position that a client resumes at by other means than the document: goes before its `after`. */
  readonly lastEventId?: string | null | undefined;
}

/** An operation that may be executed: `execute` for a query or a mutation, `subscribe` for a subscription. */
export interface ExecutableOperation extends ExecutionArgs {
  readonly kind: OperationTypeNode;
  readonly variableValues: Readonly<Record<string, unknown>>;
  readonly contextValue: OperationContext;
  /** How it is executed, where it comes again; undefined where graphql-js executes it. */
  readonly boundPlan: BoundPlan | undefined;
}

/** Why an operation is not executed. */
export interface RejectedOperation {
  readonly errors: readonly GraphQLError[];
}

export function isRejected(prepared: ExecutableOperation | RejectedOperation): prepared is RejectedOperation {
  return "errors" in prepared;
}

/** A query that opens databases one after another is run so often at most. */
const RUNS_MAX = 1_000;

function unknownOperation(name: string | null | undefined): TidemarkError {
  const message = name
    ? `The document has no operation ${JSON.stringify(name)}; give the operationName of one that it has.`
    : "The document has several operations, or none; say which to run by operationName.";
  return badUserInput(message);
}

function requireSynchronous<T>(value: T | PromiseLike<T>): T {
  assert(!isPromiseLike(value), "resolvers of queries and events are synchronous");
  return value;
}

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value;
}

function toExecutionResult(source: AsyncIterable<unknown> | ExecutionResult): ExecutionResult {
  assert(!(Symbol.asyncIterator in source), "what is subscribed to is a stream of the hub");
  return source;
}
