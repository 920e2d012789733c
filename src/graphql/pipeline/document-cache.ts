import {
  GraphQLError,
  Kind,
  NoSchemaIntrospectionCustomRule,
  OperationTypeNode,
  parse,
  specifiedRules,
  validate,
  type ASTVisitor,
  type DocumentNode,
  type GraphQLSchema,
  type ValidationContext,
} from "graphql";
import { collectFields } from "graphql/execution/collectFields.js";
import { LRUCache } from "lru-cache";
import type { Limits } from "../../protocol/limits.js";
import { badUserInput, limitExceeded } from "../../protocol/tidemark-error.js";
import { DocumentCompiler, NO_PLANS, type DocumentPlans } from "../compiled/document-compiler.js";
import { DocumentCost, fragmentsOf } from "./document-cost.js";
import { SelectionCheck } from "./selection-check.js";
import { documentLimitErrors } from "./document-limits.js";
import { asGraphQLError } from "./mask-error.js";

/**
 * Parses and validates documents, and caches the recently used ones by their text. A document is compiled when it is
 * used for the second time, so one that is never repeated costs nothing. A subscription is compiled at once,
 * because it executes for each event.
 */
export class DocumentCache {
  readonly #schema: GraphQLSchema;
  readonly #limits: Limits;
  readonly #introspection: boolean;
  readonly #compiler: DocumentCompiler;
  readonly #cache: LRUCache<string, CheckedDocument>;

  constructor(schema: GraphQLSchema, limits: Limits, { introspection }: { readonly introspection: boolean }) {
    this.#schema = schema;
    this.#limits = limits;
    this.#introspection = introspection;
    this.#compiler = new DocumentCompiler(schema);
    this.#cache = new LRUCache({
      max: DOCUMENTS_MAX,
      maxSize: BYTES_MAX,
      sizeCalculation: bytesOf,
    });
  }

  /** The number of cached documents, and an estimate of their memory. */
  get size(): { readonly count: number; readonly bytes: number } {
    return { count: this.#cache.size, bytes: this.#cache.calculatedSize };
  }

  check(text: string): CheckedDocument {
    const known = this.#cache.get(text);
    if (known?.plans) return known;
    const checked = known ?? this.#parseAndValidate(text);
    const cached = known || subscribes(checked) ? this.#withPlans(checked) : checked;
    this.#cache.set(text, cached);
    return cached;
  }

  #parseAndValidate(text: string): CheckedDocument {
    try {
      const document = parseWithin(text, this.#limits);
      const limitErrors = documentLimitErrors(document, this.#limits).map(asGraphQLError);
      const errors = limitErrors.length > 0 ? limitErrors : this.#validationErrors(document);
      if (errors.length > 0) return { document, errors };
      const selection = new SelectionCheck(this.#schema, document, fragmentsOf(document), this.#limits);
      return { document, errors, cost: this.#costOf(document), selection };
    } catch (error) {
      return { document: undefined, errors: [asGraphQLError(error)] };
    }
  }

  #validationErrors(document: DocumentNode): readonly GraphQLError[] {
    const rules = this.#introspection ? specifiedRules : [...specifiedRules, NoSchemaIntrospectionCustomRule];
    const options = { maxErrors: ERRORS_MAX, hideSuggestions: !this.#introspection };
    const errors = validate(this.#schema, document, rules, options);
    return errors.length > 0 ? errors : validate(this.#schema, document, [selectsAFieldRule]);
  }

  /** undefined if the document is within the limit for all variables. */
  #costOf(document: DocumentNode): DocumentCost | undefined {
    const cost = new DocumentCost(this.#schema, document, this.#limits);
    return cost.isAlwaysWithin ? undefined : cost;
  }

  #withPlans(checked: CheckedDocument): CheckedDocument {
    const { document, errors } = checked;
    const isValid = document && errors.length === 0;
    const plans = isValid ? this.#compiler.compile(document, fragmentsOf(document)) : NO_PLANS;
    return { ...checked, plans };
  }
}

export interface CheckedDocument {
  /** undefined if the text can't be parsed. */
  readonly document: DocumentNode | undefined;
  readonly errors: readonly GraphQLError[];
  /** Set if the cost depends on the variables. */
  readonly cost?: DocumentCost | undefined;
  /** Set if the document is valid. */
  readonly selection?: SelectionCheck;
  /** undefined before the second use. */
  readonly plans?: DocumentPlans;
}

/** graphql-js rejects a subscription with several fields, but assumes that it has at least one. */
function selectsAFieldRule(context: ValidationContext): ASTVisitor {
  const [schema, fragments] = [context.getSchema(), fragmentsOf(context.getDocument())];
  return {
    OperationDefinition({ operation, selectionSet }) {
      const type = schema.getSubscriptionType();
      if (operation !== OperationTypeNode.SUBSCRIPTION || !type) return;
      if (collectFields(schema, fragments, {}, type, selectionSet).size > 0) return;
      context.reportError(asGraphQLError(badUserInput(NOTHING_SELECTED)));
    },
  };
}

const NOTHING_SELECTED =
  "The subscription selects no field, because a directive excludes it. Select one field.";

function subscribes({ document }: CheckedDocument): boolean {
  return (document?.definitions ?? []).some(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      definition.operation === OperationTypeNode.SUBSCRIPTION,
  );
}

/** Errors that are reported for one document. */
const ERRORS_MAX = 20;

/** The bounds of the cache: documents, and their total bytes. */
const DOCUMENTS_MAX = 1_000;
const BYTES_MAX = 10_000_000;

/** The memory of a document, estimated from measurements. Most of it is the syntax tree. */
function bytesOf({ document, errors, plans }: CheckedDocument, text: string): number {
  return (
    BYTES_OF_DOCUMENT +
    2 * text.length +
    BYTES_OF_TOKEN * (document?.tokenCount ?? 0) +
    BYTES_OF_FIELD * (plans?.fieldCount ?? 0) +
    BYTES_OF_ERROR * errors.length
  );
}

const BYTES_OF_DOCUMENT = 500;
const BYTES_OF_TOKEN = 400;
const BYTES_OF_FIELD = 700;
const BYTES_OF_ERROR = 2_000;

function parseWithin(text: string, limits: Limits): DocumentNode {
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
