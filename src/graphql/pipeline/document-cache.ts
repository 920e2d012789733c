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
import { DocumentCost } from "./document-cost.js";
import {
  fragmentsOf,
  NO_PLANS,
  createDocumentPlans,
  type DocumentPlans,
} from "../compiled/document-plans.js";
import { documentLimitErrors } from "./document-limits.js";
import { InputReaders } from "../compiled/input-readers.js";
import { asGraphQLError } from "./mask-error.js";

/**
 * Documents, parsed and checked. Those asked for lately are remembered by their text, with the plans of their
 * operations. Plans are made when a document comes again, so who never sends one twice has none made; of one
 * that is subscribed to they are made at once, as it is executed for each event.
 */
export class DocumentCache {
  readonly #schema: GraphQLSchema;
  readonly #limits: Limits;
  readonly #introspection: boolean;
  readonly #readers = new InputReaders();
  readonly #remembered: LRUCache<string, CheckedDocument>;

  constructor(schema: GraphQLSchema, limits: Limits, { introspection }: { readonly introspection: boolean }) {
    this.#schema = schema;
    this.#limits = limits;
    this.#introspection = introspection;
    this.#remembered = new LRUCache({
      max: DOCUMENTS_MAX,
      maxSize: BYTES_MAX,
      sizeCalculation: bytesOf,
    });
  }

  /** Documents that are remembered, and the bytes that they are thought to take. */
  get size(): { readonly count: number; readonly bytes: number } {
    return { count: this.#remembered.size, bytes: this.#remembered.calculatedSize };
  }

  /** Parses and checks a document, unless one of this text is remembered. */
  check(text: string): CheckedDocument {
    const known = this.#remembered.get(text);
    if (known?.plans) return known;
    const checked = known ?? this.#parseAndValidate(text);
    const remembered = known || subscribes(checked) ? this.#withPlans(checked) : checked;
    this.#remembered.set(text, remembered);
    return remembered;
  }

  #parseAndValidate(text: string): CheckedDocument {
    try {
      const document = parseWithin(text, this.#limits);
      const refusals = documentLimitErrors(document, this.#limits).map(asGraphQLError);
      const errors = refusals.length > 0 ? refusals : this.#validationErrors(document);
      return { document, errors, cost: errors.length > 0 ? undefined : this.#costOf(document) };
    } catch (error) {
      return { document: undefined, errors: [asGraphQLError(error)] };
    }
  }

  #validationErrors(document: DocumentNode): readonly GraphQLError[] {
    const rules = this.#introspection ? specifiedRules : [...specifiedRules, NoSchemaIntrospectionCustomRule];
    const options = { maxErrors: ERRORS_MAX, hideSuggestions: !this.#introspection };
    const mistakes = validate(this.#schema, document, rules, options);
    return mistakes.length > 0 ? mistakes : validate(this.#schema, document, [selectsAFieldRule]);
  }

  /** undefined where it is within the bound with any variables. */
  #costOf(document: DocumentNode): DocumentCost | undefined {
    const cost = new DocumentCost(this.#schema, document, this.#limits);
    return cost.isAlwaysWithin ? undefined : cost;
  }

  #withPlans(checked: CheckedDocument): CheckedDocument {
    const { document, errors } = checked;
    const isSound = document && errors.length === 0;
    return {
      ...checked,
      plans: isSound ? createDocumentPlans(this.#schema, document, this.#readers) : NO_PLANS,
    };
  }
}

/** A document, and what is wrong with it; a text that can't be parsed is none. */
export interface CheckedDocument {
  readonly document: DocumentNode | undefined;
  readonly errors: readonly GraphQLError[];
  /** Where its variables decide whether it asks for too much. */
  readonly cost?: DocumentCost | undefined;
  /** undefined where it has come once. */
  readonly plans?: DocumentPlans;
}

/** graphql-js sees to it that a subscription has one field at most, and takes it for granted that it has one. */
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

const NOTHING_SELECTED = "The subscription selects nothing, as its field is left out. Select one field.";

function subscribes({ document }: CheckedDocument): boolean {
  return (document?.definitions ?? []).some(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      definition.operation === OperationTypeNode.SUBSCRIPTION,
  );
}

/** Mistakes in one document that are told. */
const ERRORS_MAX = 20;

/** Documents that are remembered, and the bytes that they take in all. */
const DOCUMENTS_MAX = 1_000;
const BYTES_MAX = 10_000_000;

/** What a document takes in memory, from measurements: mostly what its tokens were made into. */
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
