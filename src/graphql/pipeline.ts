import {
  createSourceEventStream,
  execute,
  getOperationAST,
  GraphQLError,
  OperationTypeNode,
  parse,
  specifiedRules,
  validate,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLSchema,
} from "graphql";
import { LRUCache } from "lru-cache";
import { parsePosition } from "../protocol/position.js";
import { badUserInput, limitExceeded, unavailable, type TidemarkError } from "../protocol/tidemark-error.js";
import { ANONYMOUS } from "../tasks/names.js";
import { assert } from "../util/assert.js";
import type { Clock } from "../util/clock.js";
import { PullStream } from "../hub/pull-stream.js";
import type { Log } from "../util/log.js";
import { AnswerBudget } from "./answer-budget.js";
import type { OperationContext, Services } from "./context.js";
import { documentLimitErrors, variablesLimitError } from "./document-limits.js";
import { EventResults, ExecutionGroups } from "./event-results.js";
import { asGraphQLError, maskError } from "./mask-error.js";
import { Reader } from "./reader.js";

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
  readonly #services: Services;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #groups = new ExecutionGroups();
  readonly #documents = new LRUCache<string, CheckedDocument>({
    max: DOCUMENTS_MAX,
    maxSize: DOCUMENT_CHARACTERS_MAX,
    sizeCalculation: (_, text) => text.length + 1,
  });

  constructor(options: PipelineOptions) {
    this.schema = options.schema;
    this.#services = options.services;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /**
   * Parses and checks an operation, without executing it. Gives what can be executed or subscribed to, or why
   * not.
   */
  prepare(request: OperationRequest): PreparedOperation | Refusal {
    const { document, errors } = this.#check(request.query);
    if (!document || errors.length > 0) return this.refuse(...errors);
    const operation = getOperationAST(document, request.operationName);
    if (!operation) return this.refuse(unknownOperation(request.operationName));
    const tooDeep = variablesLimitError(request.variables, this.#services.limits);
    if (tooDeep) return this.refuse(tooDeep);
    try {
      return {
        kind: operation.operation,
        schema: this.schema,
        document,
        operationName: request.operationName ?? null,
        variableValues: request.variables ?? {},
        contextValue: this.#createContext(request),
      };
    } catch (error) {
      return this.refuse(error);
    }
  }

  /** Executes a query or a mutation. Never rejects: a failure is in the result. */
  async execute(operation: PreparedOperation): Promise<ExecutionResult> {
    try {
      const isQuery = operation.kind === OperationTypeNode.QUERY;
      return this.#masked(isQuery ? await this.#query(operation) : await execute(operation));
    } catch (error) {
      return this.refuse(error);
    }
  }

  /** Opens a subscription; a refusal is a result. Never rejects. */
  async subscribe(operation: PreparedOperation): Promise<EventResults | ExecutionResult> {
    try {
      const source = await createSourceEventStream(operation);
      if (!(source instanceof PullStream)) return this.#masked(asResult(source));
      return new EventResults({
        events: source,
        group: this.#groups.join(operation, (event) => this.#event(operation, event)),
        observer: this.#services.observer,
      });
    } catch (error) {
      return this.refuse(error);
    }
  }

  /** What a client is told of failures; each is counted. */
  refuse(...errors: readonly unknown[]): Refusal {
    const masked = errors.map((error) => maskError(error, this.#log));
    for (const { extensions } of masked) this.#services.observer.failed(extensions);
    return { errors: masked };
  }

  /**
   * Law 3: a query runs in one turn of the event loop. Where it met a store that was not open it is run again
   * once that is.
   */
  async #query(operation: PreparedOperation): Promise<ExecutionResult> {
    const { reader } = operation.contextValue;
    for (let run = 0; run < RUNS_MAX; run++) {
      const result = synchronous(execute(this.#withBudget(operation)));
      if (!reader.isIncomplete) return result;
      await reader.complete();
    }
    throw unavailable("The databases asked for could not be opened together. Ask for fewer.");
  }

  #event(operation: PreparedOperation, rootValue: unknown): ExecutionResult {
    this.#services.observer.eventExecuted();
    return this.#masked(synchronous(execute({ ...this.#withBudget(operation), rootValue })));
  }

  /** Each run of a query, and each event, is an answer of its own. */
  #withBudget(operation: PreparedOperation): PreparedOperation {
    const contextValue = { ...operation.contextValue, budget: new AnswerBudget(this.#services.limits) };
    return { ...operation, contextValue };
  }

  #masked(result: ExecutionResult): ExecutionResult {
    return result.errors ? { ...result, ...this.refuse(...result.errors) } : result;
  }

  /** @throws TidemarkError BAD_USER_INPUT for a position that is none. */
  #createContext({ lastEventId }: OperationRequest): OperationContext {
    const resumeAfter = lastEventId ? parsePosition(lastEventId) : undefined;
    const { provider, limits } = this.#services;
    const [reader, budget] = [new Reader(provider), new AnswerBudget(limits)];
    return {
      services: this.#services,
      caller: ANONYMOUS,
      now: this.#clock.now(),
      reader,
      budget,
      resumeAfter,
    };
  }

  /** Parses and checks a document, unless one of this text is remembered. */
  #check(text: string): CheckedDocument {
    const known = this.#documents.get(text);
    if (known) return known;
    const checked = this.#checkAnew(text);
    this.#documents.set(text, checked);
    return checked;
  }

  #checkAnew(text: string): CheckedDocument {
    try {
      const document = parseWithin(text, this.#services.limits);
      const refusals = documentLimitErrors(document, this.#services.limits).map(asGraphQLError);
      const errors =
        refusals.length > 0
          ? refusals
          : validate(this.schema, document, specifiedRules, { maxErrors: ERRORS_MAX });
      return { document, errors };
    } catch (error) {
      return { document: undefined, errors: [asGraphQLError(error)] };
    }
  }
}

export interface PipelineOptions {
  readonly schema: GraphQLSchema;
  readonly services: Services;
  readonly clock: Clock;
  readonly log: Log;
}

/** An operation as a transport reads it. */
export interface OperationRequest {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  /** The position that a client resumes at by other means than the document: goes before its `after`. */
  readonly lastEventId?: string | null | undefined;
}

/** An operation that may be executed: `execute` for a query or a mutation, `subscribe` for a subscription. */
export interface PreparedOperation extends ExecutionArgs {
  readonly kind: OperationTypeNode;
  readonly variableValues: Readonly<Record<string, unknown>>;
  readonly contextValue: OperationContext;
}

/** Why an operation is not executed. */
export interface Refusal {
  readonly errors: readonly GraphQLError[];
}

export function isRefusal(prepared: PreparedOperation | Refusal): prepared is Refusal {
  return "errors" in prepared;
}

/** A document, and what is wrong with it; a text that can't be parsed is none. */
interface CheckedDocument extends Refusal {
  readonly document: DocumentNode | undefined;
}

/** Mistakes in one document that are told. */
const ERRORS_MAX = 20;

/** Documents that are remembered, and their characters in all. */
const DOCUMENTS_MAX = 1_000;
const DOCUMENT_CHARACTERS_MAX = 5_000_000;

/** A query that opens databases one after another is run so often at most. */
const RUNS_MAX = 1_000;

function parseWithin(text: string, limits: Services["limits"]): DocumentNode {
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.documentBytesMax) {
    throw limitExceeded("documentBytesMax", `The document has ${bytes} bytes`, limits.documentBytesMax);
  }
  try {
    return parse(text, { maxTokens: limits.documentTokensMax });
  } catch (error) {
    if (!(error instanceof GraphQLError) || !error.message.includes("Parsing aborted")) throw error;
    const { documentTokensMax } = limits;
    throw limitExceeded(
      "documentTokensMax",
      `The document has more than ${documentTokensMax} tokens`,
      documentTokensMax,
    );
  }
}

function unknownOperation(name: string | null | undefined): TidemarkError {
  const message = name
    ? `The document has no operation ${JSON.stringify(name)}; give the operationName of one that it has.`
    : "The document has several operations, or none; say which to run by operationName.";
  return badUserInput(message);
}

function synchronous<T>(value: T | PromiseLike<T>): T {
  assert(!isPromiseLike(value), "resolvers of queries and events are synchronous");
  return value;
}

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value;
}

function asResult(source: AsyncIterable<unknown> | ExecutionResult): ExecutionResult {
  assert(!(Symbol.asyncIterator in source), "what is subscribed to is a stream of the hub");
  return source;
}
