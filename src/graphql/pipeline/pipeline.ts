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
import { AnswerBacklog } from "./answer-backlog.js";
import { AnswerBudget, PREPAID } from "./answer-budget.js";
import type { OperationContext, Services } from "../context.js";
import { variablesLimitError } from "./document-limits.js";
import { DocumentCache } from "./document-cache.js";
import { factsOf } from "./event-facts.js";
import { EventResults, ExecutionGroups } from "./event-results.js";
import { asApplied, asGraphQLError, maskError, withExtensions } from "./mask-error.js";
import {
  createMutationResultSchema,
  createMutationSchema,
  type BoundPlan,
} from "../compiled/document-compiler.js";
import type { AnswerSizes } from "./selection-check.js";
import { Reader } from "../operations/reader.js";
import { Watcher } from "../operations/watcher.js";
import { Writer } from "../operations/writer.js";

/**
 * Processes the operations of all transports: parse, limits, validate, execute, mask. A transport only reads requests
 * and writes results, so every rule applies to all transports. docs/internals/execution.md says why results bypass
 * graphql-yoga, graphql-ws and graphql-js in places.
 *
 *     text ──► parse ──► limits ──► validate ──► execute | subscribe ──► mask ──► result
 *              └──────── cached by text ───────┘
 */
export class Pipeline {
  /** Transports add their large answers to it. */
  readonly backlog: AnswerBacklog;
  readonly schema: GraphQLSchema;
  readonly #options: PipelineOptions;
  readonly #services: Services;
  readonly #clock: Clock;
  readonly #groups = new ExecutionGroups();
  readonly #documents: DocumentCache;
  readonly #introspection: boolean;
  readonly #operationRates: CallerRates;
  readonly #mutationRates: CallerRates;
  readonly #subscriptions: CallerCounts;
  readonly #mutationSchema: GraphQLSchema;
  readonly #mutationResultSchema: GraphQLSchema;

  constructor(options: PipelineOptions) {
    this.schema = options.schema;
    this.#options = options;
    this.#services = options.services;
    this.#clock = options.clock;
    const { limits } = options.services;
    this.#operationRates = new CallerRates("operationsPerSecondMax", limits, options.clock);
    this.#mutationRates = new CallerRates("mutationsPerSecondMax", limits, options.clock);
    this.#subscriptions = new CallerCounts("subscriptionsPerUserMax", limits);
    this.#introspection = options.introspection;
    this.#documents = new DocumentCache(options.schema, limits, options);
    this.backlog = new AnswerBacklog(limits.waitingAnswerBytesMax);
    this.#mutationSchema = createMutationSchema(options.schema);
    this.#mutationResultSchema = createMutationResultSchema(options.schema);
  }

  /** The memory of shared texts of events, estimated. */
  get eventTextBytes(): number {
    return this.#groups.textBytes;
  }

  /** Parses and checks an operation without executing it. Returns an executable operation, or the errors. */
  prepare(request: OperationRequest): ExecutableOperation | RejectedOperation {
    const { caller, requestId } = request;
    const reject = (...errors: readonly unknown[]): RejectedOperation => this.#rejectAll(errors, requestId);
    if (caller.isExpired) return reject(caller.endError);
    const rateError = this.#operationRates.take(caller);
    if (rateError) return reject(rateError);
    const { document, errors, plans, cost, selection } = this.#documents.check(request.query);
    if (!document || errors.length > 0) return reject(...errors);
    const operation = getOperationAST(document, request.operationName);
    if (!operation) return reject(unknownOperation(request.operationName));
    const isMutation = operation.operation === OperationTypeNode.MUTATION;
    const mutationRateError = isMutation ? this.#mutationRates.take(caller) : undefined;
    if (mutationRateError) return reject(mutationRateError);
    const depthError = variablesLimitError(request.variables, this.#services.limits);
    if (depthError) return reject(depthError);
    const variableValues = request.variables ?? {};
    const costError = cost?.limitError(operation, variableValues);
    if (costError) return reject(costError);
    try {
      return {
        kind: operation.operation,
        schema: this.schema,
        document,
        operationName: request.operationName ?? null,
        variableValues,
        answerSizes: selection!.check(operation, variableValues), // the document is valid
        hideSuggestions: !this.#introspection,
        contextValue: this.#createContext(request),
        boundPlan: plans?.byOperation.get(operation)?.bind(variableValues),
      };
    } catch (error) {
      return reject(error);
    }
  }

  /** Executes a query or a mutation. Never rejects: errors are in the result. */
  async execute(operation: ExecutableOperation): Promise<ExecutionResult> {
    try {
      const isQuery = operation.kind === OperationTypeNode.QUERY;
      if (isQuery) return this.#masked(await this.#query(operation), operation);
      const result = this.#masked(await this.#mutate(operation), operation);
      return result.errors ? withApplied(result) : result;
    } catch (error) {
      return this.reject(error, operation.contextValue.requestId);
    }
  }

  /** Opens a subscription. Never rejects: errors are in the result. */
  async subscribe(operation: ExecutableOperation): Promise<EventResults | ExecutionResult> {
    let close: (() => void) | undefined;
    try {
      close = this.#subscriptions.open(operation.contextValue.caller);
      const source = await createSourceEventStream(operation);
      if (source instanceof PullStream) return this.#resultsOf(operation, source, close);
      close();
      return this.#masked(toExecutionResult(source), operation);
    } catch (error) {
      close?.();
      return this.reject(error, operation.contextValue.requestId);
    }
  }

  /** Masks an error for the client, and counts it. */
  reject(error: unknown, requestId?: string): RejectedOperation {
    return this.#rejectAll([error], requestId);
  }

  #rejectAll(errors: readonly unknown[], requestId?: string): RejectedOperation {
    const masked = errors.map((error) => maskError(error, this.#services.log, requestId));
    for (const { extensions } of masked) this.#services.observer.failed(extensions);
    return { errors: masked };
  }

  /** Law 3: a query runs in one turn of the event loop. If a store is closed, the query runs again once it is open. */
  async #query(operation: ExecutableOperation): Promise<ExecutionResult> {
    const { reader } = operation.contextValue;
    let hasWaited = false;
    for (let run = 0; run < RUNS_MAX; run++) {
      const { result, isHeldBack } = this.#runQuery(operation);
      if (isHeldBack && !hasWaited) await this.backlog.untilDrained();
      else if (!reader.isIncomplete) return result;
      else await reader.complete();
      hasWaited ||= isHeldBack;
    }
    throw unavailable("The requested databases could not be opened together. Request fewer.");
  }

  #resultsOf(
    operation: ExecutableOperation,
    events: PullStream<unknown>,
    onReleased: () => void,
  ): EventResults {
    const group = this.#groups.join(operation, (event) => this.#event(operation, event));
    return new EventResults({ events, group, observer: this.#services.observer, onReleased });
  }

  /** An event that can't be rendered, because of a defect, still tells what a client must know of it. */
  #event(operation: ExecutableOperation, event: unknown): ExecutionResult {
    this.#services.observer.eventExecuted();
    const { data = null, errors } = this.#tryRun(operation, event);
    if (!errors) return { data };
    const facts = factsOf(event);
    const masked = this.#rejectAll(errors).errors; // without a request: subscribers share the event
    return { errors: masked.map((error) => withExtensions(error, { ...error.extensions, ...facts })), data };
  }

  #tryRun(operation: ExecutableOperation, event: unknown): ExecutionResult {
    try {
      return this.#run(operation, event);
    } catch (error) {
      return { errors: [asGraphQLError(error)] };
    }
  }

  /** Executes an event synchronously. If the plan bails out, graphql-js executes it instead. */
  #run(operation: ExecutableOperation, rootValue: unknown): ExecutionResult {
    const data = operation.boundPlan?.execute(operation.contextValue, rootValue);
    return data ? { data } : requireSynchronous(execute({ ...operation, rootValue }));
  }

  /** The same for a query. Each of the two has a budget of its own. */
  #runQuery(operation: ExecutableOperation): {
    readonly result: ExecutionResult;
    readonly isHeldBack: boolean;
  } {
    const data = operation.boundPlan?.execute(this.#withBudget(operation).contextValue);
    if (data) return { result: { data }, isHeldBack: false };
    const limited = this.#withBudget(operation);
    const result = requireSynchronous(execute(limited));
    return { result, isHeldBack: limited.contextValue.budget.isHeldBack };
  }

  /** Performs a mutation once. If the plan can't build the result, graphql-js builds it from the outcomes. */
  async #mutate(operation: ExecutableOperation): Promise<ExecutionResult> {
    const { boundPlan, contextValue } = operation;
    const contextOf = this.#contextsOf(operation);
    if (!boundPlan) return execute({ ...operation, schema: this.#mutationSchema, rootValue: contextOf });
    const outcomes = await boundPlan.executeMutation(contextOf);
    const data = boundPlan.buildResult(outcomes, contextValue);
    if (data) return { data };
    const schema = this.#mutationResultSchema;
    return requireSynchronous(execute({ ...operation, schema, rootValue: outcomes }));
  }

  /** Each root field of a mutation reserves the items of its own selection. */
  #contextsOf({ answerSizes, contextValue }: ExecutableOperation): (key: string) => OperationContext {
    if (answerSizes.size === 0) return () => contextValue;
    const budget = new AnswerBudget(this.#services.limits);
    return (key) => {
      const size = answerSizes.get(key);
      return size ? { ...contextValue, admit: budget.admit(size) } : contextValue;
    };
  }

  #withBudget(
    operation: ExecutableOperation,
  ): ExecutableOperation & { readonly contextValue: { readonly budget: AnswerBudget } } {
    const budget = new AnswerBudget(this.#services.limits, this.backlog);
    return { ...operation, contextValue: { ...operation.contextValue, budget } };
  }

  #masked(result: ExecutionResult, { contextValue }: ExecutableOperation): ExecutionResult {
    if (!result.errors) return result;
    return { ...result, ...this.#rejectAll(result.errors, contextValue.requestId) };
  }

  /** @throws TidemarkError BAD_USER_INPUT if `lastEventId` is not a position. */
  #createContext({ caller, serverUrl, requestId, lastEventId }: OperationRequest): OperationContext {
    const resumeAfter = lastEventId ? parsePosition(lastEventId) : undefined;
    const { provider, hub, emptyHub } = this.#options;
    return {
      services: this.#services,
      caller,
      serverUrl,
      requestId,
      now: this.#clock.now(),
      reader: new Reader(provider, caller),
      writer: new Writer(provider, caller),
      watcher: new Watcher(hub, emptyHub, caller),
      budget: PREPAID,
      resumeAfter,
    };
  }
}

export interface PipelineOptions {
  readonly schema: GraphQLSchema;
  readonly services: Services;
  readonly provider: TaskStoreProvider;
  readonly hub: Hub;
  /** A hub over databases that are always empty, for subscriptions to databases that the caller may not see. */
  readonly emptyHub: Hub;
  /** Whether clients may query the schema, and errors suggest similar names. */
  readonly introspection: boolean;
  readonly clock: Clock;
}

/** An operation as a client sends it. */
export interface OperationParams {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

/** An operation as a transport passes it on. */
export interface OperationRequest extends OperationParams {
  readonly caller: Caller;
  readonly serverUrl: OperationContext["serverUrl"];
  /** Names the request in errors and in the log. */
  readonly requestId?: string | undefined;
  /** The position that the transport gives to resume from. It takes precedence over `after` in the document. */
  readonly lastEventId?: string | null | undefined;
}

/** An operation for `execute` (a query or a mutation) or `subscribe` (a subscription). */
export interface ExecutableOperation extends ExecutionArgs {
  readonly kind: OperationTypeNode;
  readonly variableValues: Readonly<Record<string, unknown>>;
  readonly contextValue: OperationContext;
  /** The items that the root fields of a mutation or a subscription list. */
  readonly answerSizes: AnswerSizes;
  /** undefined if graphql-js executes the operation. */
  readonly boundPlan: BoundPlan | undefined;
}

export interface RejectedOperation {
  readonly errors: readonly GraphQLError[];
}

export function isRejected(prepared: ExecutableOperation | RejectedOperation): prepared is RejectedOperation {
  return "errors" in prepared;
}

/** The maximum number of runs of a query that opens databases one after another. */
const RUNS_MAX = 1_000;

function unknownOperation(name: string | null | undefined): TidemarkError {
  const message = name
    ? `Unknown operation ${JSON.stringify(name)}. Set operationName to one that the document defines.`
    : "The document has several operations, or none. Set operationName to the one to run.";
  return badUserInput(message);
}

/** A root field that failed has no result, so an error within a result means that the change was applied. */
function withApplied(result: ExecutionResult): ExecutionResult {
  const errors = (result.errors ?? []).map((error) =>
    (error.path?.length ?? 0) > 1 ? asApplied(error) : error,
  );
  return { ...result, errors };
}

function requireSynchronous<T>(value: T | PromiseLike<T>): T {
  assert(!isPromiseLike(value), "resolvers of queries and events are synchronous");
  return value;
}

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value;
}

function toExecutionResult(source: AsyncIterable<unknown> | ExecutionResult): ExecutionResult {
  assert(!(Symbol.asyncIterator in source), "a subscription is a stream of the hub");
  return source;
}
