import {
  getArgumentValues,
  getNamedType,
  getVariableValues,
  GraphQLError,
  isAbstractType,
  isObjectType,
  OperationTypeNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from "graphql";
import { collectFields, collectSubfields } from "graphql/execution/collectFields.js";
import type { Limits } from "../../protocol/limits.js";
import { limitExceeded, TidemarkError } from "../../protocol/tidemark-error.js";
import { AnswerSize } from "../answer-size.js";
import { traitsOf } from "../field-traits.js";

/**
 * Checks the selection of a mutation or a subscription before anything happens. An error that was found while the answer
 * is built would come too late: the change is applied, and the event has happened.
 *
 * graphql-js collects the fields and reads their arguments, so the check sees the fields that execution will resolve. A
 * selection without variables is checked once per document.
 */
export class SelectionCheck {
  readonly #schema: GraphQLSchema;
  readonly #fragments: Fragments;
  readonly #limits: Limits;
  /** The variables that the selection uses, apart from the arguments of root fields. */
  readonly #variables: ReadonlySet<string>;
  readonly #known = new Map<OperationDefinitionNode, () => AnswerSizes>();

  /** @param document is valid in the schema. */
  constructor(schema: GraphQLSchema, document: DocumentNode, fragments: Fragments, limits: Limits) {
    this.#schema = schema;
    this.#fragments = fragments;
    this.#limits = limits;
    this.#variables = variablesOfSelections(schema, document);
  }

  /**
   * The sizes of the root fields that list items. Queries have none, because they are checked while they execute.
   * @param variables may be invalid: execution then rejects them before anything happens.
   * @throws GraphQLError, caused by a TidemarkError if an argument or the size of an event is out of bounds.
   */
  check(operation: OperationDefinitionNode, variables: Values): AnswerSizes {
    if (operation.operation === OperationTypeNode.QUERY) return NO_SIZES;
    const known = this.#known.get(operation);
    if (known) return known();
    const definitions = (operation.variableDefinitions ?? []).filter(({ variable }) =>
      this.#variables.has(variable.name.value),
    );
    if (definitions.length === 0) return this.#remember(operation);
    const { coerced } = getVariableValues(this.#schema, definitions, variables);
    return coerced ? this.#checked(operation, coerced) : NO_SIZES;
  }

  #remember(operation: OperationDefinitionNode): AnswerSizes {
    const outcome = settle(() => this.#checked(operation, {}));
    this.#known.set(operation, outcome);
    return outcome();
  }

  #checked(operation: OperationDefinitionNode, variables: Values): AnswerSizes {
    const [schema, fragments, limits] = [this.#schema, this.#fragments, this.#limits];
    const sizes = new SelectionSizes(schema, fragments, limits, variables).ofRootFields(operation);
    if (operation.operation === OperationTypeNode.SUBSCRIPTION) {
      for (const size of sizes.values()) checkEventSize(size, operation, limits);
    }
    return sizes;
  }
}

/** The sizes of the answers of root fields by their names in the answer, without those that list nothing. */
export type AnswerSizes = ReadonlyMap<string, AnswerSize>;

type Values = Readonly<Record<string, unknown>>;
type Fragments = Readonly<Record<string, FragmentDefinitionNode>>;

const NO_SIZES: AnswerSizes = new Map();

/** Checks the arguments of a selection, and adds up the items that it lists. */
class SelectionSizes {
  readonly #schema: GraphQLSchema;
  readonly #fragments: Fragments;
  readonly #limits: Limits;
  readonly #variables: Values;

  constructor(schema: GraphQLSchema, fragments: Fragments, limits: Limits, variables: Values) {
    this.#schema = schema;
    this.#fragments = fragments;
    this.#limits = limits;
    this.#variables = variables;
  }

  /** Resolvers check the arguments of root fields before they change anything. */
  ofRootFields({ operation, selectionSet }: OperationDefinitionNode): AnswerSizes {
    const type = this.#schema.getRootType(operation)!; // the document is valid
    const fields = collectFields(this.#schema, this.#fragments, this.#variables, type, selectionSet);
    const sizes = new Map<string, AnswerSize>();
    for (const [key, nodes] of fields) {
      const field = type.getFields()[nameOf(nodes)];
      if (!field) continue; // __typename
      const below = this.#below(field.type, nodes);
      const size = traitsOf(field).answerSize?.(below, {}) ?? below;
      if (!size.isNone) sizes.set(key, size);
    }
    return sizes;
  }

  #below(type: GraphQLOutputType, nodes: readonly FieldNode[]): AnswerSize {
    const named = getNamedType(type);
    if (isObjectType(named)) return this.#ofObject(named, nodes);
    if (!isAbstractType(named)) return AnswerSize.NONE;
    return this.#schema
      .getPossibleTypes(named)
      .map((possible) => this.#ofObject(possible, nodes))
      .reduce((largest, size) => (this.#isLarger(size, largest) ? size : largest), AnswerSize.NONE);
  }

  #ofObject(type: GraphQLObjectType, nodes: readonly FieldNode[]): AnswerSize {
    const fields = collectSubfields(this.#schema, this.#fragments, this.#variables, type, nodes);
    let size = AnswerSize.NONE;
    for (const selected of fields.values()) size = size.plus(this.#ofField(type, selected));
    return size;
  }

  #ofField(parent: GraphQLObjectType, nodes: readonly FieldNode[]): AnswerSize {
    const field = parent.getFields()[nameOf(nodes)];
    if (!field) return AnswerSize.NONE; // __typename
    const { checkArguments, answerSize } = traitsOf(field);
    const args = field.args.length > 0 ? getArgumentValues(field, nodes[0]!, this.#variables) : {};
    located(nodes, () => checkArguments?.(args as never, this.#limits)); // the arguments have the types of the field
    const below = this.#below(field.type, nodes);
    return answerSize ? answerSize(below, args as never) : below;
  }

  #isLarger(size: AnswerSize, other: AnswerSize): boolean {
    return size.itemsMax(this.#limits) > other.itemsMax(this.#limits);
  }
}

function nameOf([node]: readonly FieldNode[]): string {
  return node!.name.value; // a field has at least one node
}

/** A subscriber would miss an event that is too large, so its largest size must fit. @throws GraphQLError */
function checkEventSize(size: AnswerSize, operation: OperationDefinitionNode, limits: Limits): void {
  const items = size.itemsMax(limits);
  const { itemsPerAnswerMax } = limits;
  if (items <= itemsPerAnswerMax) return;
  const what = `An event may list ${items} tasks and log lines. Subscribe to fewer lists of tasks or log lines`;
  located([operation], () => {
    throw limitExceeded("itemsPerAnswerMax", what, itemsPerAnswerMax);
  });
}

/** Calls `check`, and adds the place in the document to its error. */
function located(nodes: readonly (FieldNode | OperationDefinitionNode)[], check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error;
    throw new GraphQLError(error.message, { nodes, originalError: error });
  }
}

/** Returns a function that repeats the outcome of `compute`. */
function settle<T>(compute: () => T): () => T {
  try {
    const value = compute();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** The names of all variables, except for those that are used only in arguments of root fields. */
function variablesOfSelections(schema: GraphQLSchema, document: DocumentNode): ReadonlySet<string> {
  const names = new Set<string>();
  const info = new TypeInfo(schema);
  const roots = [schema.getMutationType(), schema.getSubscriptionType()];
  const visitor = visitWithTypeInfo(info, {
    VariableDefinition: () => false,
    Argument: () =>
      !info.getDirective() && roots.some((root) => root === info.getParentType()) ? false : undefined,
    Variable: ({ name }) => void names.add(name.value),
  });
  visit(document, visitor);
  return names;
}
