import {
  getNamedType,
  isInterfaceType,
  isObjectType,
  Kind,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from "graphql";
import type { Limits } from "../../protocol/limits.js";
import { limitExceeded, type TidemarkError } from "../../protocol/tidemark-error.js";
import { fragmentsOf } from "../compiled/document-plans.js";

/**
 * What an operation would cost if all pages that it asks for were full: the fields of its answer. Each costs one,
 * and all below a page as often as the page has items, so pages in pages multiply. It is weighed before anything is
 * executed (law 16). Lists that are no pages count once: what is on them is counted as they are made (AnswerBudget).
 */
export class DocumentCost {
  /** Whether no variables can make it too much, so that nobody needs to ask. */
  readonly isAlwaysWithin: boolean;
  readonly #schema: GraphQLSchema;
  readonly #document: DocumentNode;
  readonly #limits: Limits;

  /** @param document one that is valid in the schema. */
  constructor(schema: GraphQLSchema, document: DocumentNode, limits: Limits) {
    this.#schema = schema;
    this.#document = document;
    this.#limits = limits;
    this.isAlwaysWithin = document.definitions
      .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
      .every((operation) => this.#cost(operation) <= limits.queryCostMax);
  }

  /** The bound that the operation passes with these variables, which need not be right. */
  limitError(operation: OperationDefinitionNode, variables: Variables): TidemarkError | undefined {
    const cost = this.#cost(operation, variables);
    const { queryCostMax } = this.#limits;
    if (cost <= queryCostMax) return undefined;
    const what = `The answer may have ${cost} fields. Ask for smaller pages, or for fewer fields of them`;
    return limitExceeded("queryCostMax", what, queryCostMax);
  }

  /** Without variables: at most. */
  #cost(operation: OperationDefinitionNode, variables?: Variables): number {
    const type = this.#schema.getRootType(operation.operation);
    if (!type) return 0;
    const values = variables && withDefaults(operation, variables);
    const weigher = new Weigher(this.#schema, fragmentsOf(this.#document), this.#limits, values);
    return weigher.selectionSet(type, operation.selectionSet);
  }
}

type Variables = Readonly<Record<string, unknown>>;

function withDefaults(
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Variables,
): ReadonlyMap<string, unknown> {
  return new Map(
    variableDefinitions.map(({ variable, defaultValue }) => {
      const name = variable.name.value;
      const given = Object.hasOwn(variables, name) ? variables[name] : undefined;
      return [name, given === undefined && defaultValue ? literal(defaultValue) : given];
    }),
  );
}

/** Weighs each fragment once, however often it is spread. */
class Weigher {
  readonly #schema: GraphQLSchema;
  readonly #fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  readonly #limits: Limits;
  readonly #variables: ReadonlyMap<string, unknown> | undefined;
  readonly #weighed = new Map<string, number>();

  constructor(
    schema: GraphQLSchema,
    fragments: Readonly<Record<string, FragmentDefinitionNode>>,
    limits: Limits,
    variables: ReadonlyMap<string, unknown> | undefined,
  ) {
    this.#schema = schema;
    this.#fragments = fragments;
    this.#limits = limits;
    this.#variables = variables;
  }

  selectionSet(type: GraphQLNamedType, { selections }: SelectionSetNode): number {
    let cost = 0;
    for (const selection of selections) {
      switch (selection.kind) {
        case Kind.FIELD:
          cost += this.#field(type, selection);
          break;
        case Kind.INLINE_FRAGMENT:
          cost += this.selectionSet(
            this.#narrowed(type, selection.typeCondition?.name.value),
            selection.selectionSet,
          );
          break;
        case Kind.FRAGMENT_SPREAD:
          cost += this.#fragment(selection.name.value);
      }
    }
    return cost;
  }

  #field(parent: GraphQLNamedType, node: FieldNode): number {
    const field = fieldOf(parent, node.name.value);
    if (!field || !node.selectionSet) return 1;
    const below = this.selectionSet(getNamedType(field.type), node.selectionSet);
    return 1 + this.#size(parent, field, node) * below;
  }

  #fragment(name: string): number {
    const weighed = this.#weighed.get(name);
    if (weighed !== undefined) return weighed;
    const { typeCondition, selectionSet } = this.#fragments[name]!; // it is valid
    const cost = this.selectionSet(this.#schema.getType(typeCondition.name.value)!, selectionSet);
    this.#weighed.set(name, cost);
    return cost;
  }

  #narrowed(type: GraphQLNamedType, name: string | undefined): GraphQLNamedType {
    return name === undefined ? type : this.#schema.getType(name)!; // it is valid
  }

  /** How many items it may have. */
  #size(parent: GraphQLNamedType, field: GraphQLField<unknown, unknown>, node: FieldNode): number {
    const bounds = field.args.flatMap(({ name }) => SIZES.get(name) ?? []);
    if (bounds.length === 0) return 1;
    const most = this.#limits[BOUNDS_OF_FIELDS.get(`${parent.name}.${field.name}`) ?? bounds[0]!];
    const sizes = field.args.flatMap(({ name, defaultValue }) => {
      if (!SIZES.has(name)) return [];
      const given = node.arguments?.find((argument) => argument.name.value === name)?.value;
      return this.#sizeOf(given, defaultValue, most) ?? [];
    });
    const size = sizes.length > 0 ? Math.max(...sizes) : this.#limits.pageSizeDefault;
    return Math.max(0, Math.min(size, most)); // more is refused when it is executed
  }

  /** undefined for what is not given. */
  #sizeOf(given: ValueNode | undefined, defaultValue: unknown, most: number): number | undefined {
    const isVariable = given?.kind === Kind.VARIABLE;
    if (isVariable && !this.#variables) return most;
    const value = isVariable ? this.#variables!.get(given.name.value) : given && literal(given);
    return lengthOf(value ?? defaultValue);
  }
}

/** The arguments that say how many items there are, and what bounds them. */
const SIZES = new Map<string, keyof Limits>([
  ["first", "pageSizeMax"],
  ["last", "pageSizeMax"],
  ["ids", "nodesPerRequestMax"],
  ["inputs", "inputsPerRequestMax"],
]);

/** Where that is another bound. */
const BOUNDS_OF_FIELDS = new Map<string, keyof Limits>([
  ["Query.listProgress", "rowsMax"],
  ["UserTask.log", "logLinesPerJobMax"],
]);

function fieldOf(type: GraphQLNamedType, name: string): GraphQLField<unknown, unknown> | undefined {
  if (!isObjectType(type) && !isInterfaceType(type)) return undefined;
  return type.getFields()[name];
}

/** A number as it is, of a list how many it has; what is neither is refused when it is read. */
function lengthOf(value: unknown): number | undefined {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) return value.length;
  return typeof value === "number" && value >= 0 ? value : 1;
}

function literal(node: ValueNode): unknown {
  if (node.kind === Kind.INT) return Number(node.value);
  if (node.kind === Kind.LIST) return node.values;
  return node.kind === Kind.NULL ? null : 1;
}
