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
import { IntrospectionCost } from "./introspection-cost.js";

/**
 * Computes the cost of an operation before it executes (law 16): the number of fields of its answer if all pages
 * were full. The fields below a page count once for each of its items, so nested pages multiply. A list that is not
 * a page counts once, because AnswerBudget counts its items while they are listed. Introspection counts what it
 * answers.
 */
export class DocumentCost {
  /** Whether the cost is within the limit for all variables. */
  readonly isAlwaysWithin: boolean;
  readonly #schema: GraphQLSchema;
  readonly #document: DocumentNode;
  readonly #limits: Limits;

  /** @param document is valid in the schema. */
  constructor(schema: GraphQLSchema, document: DocumentNode, limits: Limits) {
    this.#schema = schema;
    this.#document = document;
    this.#limits = limits;
    this.isAlwaysWithin = document.definitions
      .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
      .every((operation) => this.#cost(operation) <= limits.queryCostMax);
  }

  /** An error if the operation exceeds the limit with these variables, which may be invalid. */
  limitError(operation: OperationDefinitionNode, variables: Variables): TidemarkError | undefined {
    const cost = this.#cost(operation, variables);
    const { queryCostMax } = this.#limits;
    if (cost <= queryCostMax) return undefined;
    const what = `The answer may cost ${cost} fields. Request smaller pages, fewer fields or less of the schema`;
    return limitExceeded("queryCostMax", what, queryCostMax);
  }

  /** Without variables, the maximum. */
  #cost(operation: OperationDefinitionNode, variables?: Variables): number {
    const type = this.#schema.getRootType(operation.operation);
    if (!type) return 0;
    const values = variables && withDefaults(operation, variables);
    const calculator = new CostCalculator(this.#schema, fragmentsOf(this.#document), this.#limits, values);
    return calculator.selectionSet(type, operation.selectionSet);
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

/** Computes the cost of each fragment once, however often it is spread. */
class CostCalculator {
  readonly #schema: GraphQLSchema;
  readonly #fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  readonly #limits: Limits;
  readonly #variables: ReadonlyMap<string, unknown> | undefined;
  readonly #costs = new Map<string, number>();
  readonly #introspection: IntrospectionCost;

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
    this.#introspection = new IntrospectionCost(schema, fragments);
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
    if (!field) return this.#introspection.root(node, this.#typeName(node)) ?? 1;
    if (!node.selectionSet) return 1;
    const below = this.selectionSet(getNamedType(field.type), node.selectionSet);
    return 1 + this.#size(parent, field, node) * below;
  }

  #fragment(name: string): number {
    const known = this.#costs.get(name);
    if (known !== undefined) return known;
    const { typeCondition, selectionSet } = this.#fragments[name]!; // the document is valid
    const cost = this.selectionSet(this.#schema.getType(typeCondition.name.value)!, selectionSet);
    this.#costs.set(name, cost);
    return cost;
  }

  #narrowed(type: GraphQLNamedType, name: string | undefined): GraphQLNamedType {
    return name === undefined ? type : this.#schema.getType(name)!; // the document is valid
  }

  /** The type that `__type` asks for; undefined if it is not known yet. */
  #typeName({ arguments: [argument] = [] }: FieldNode): string | undefined {
    if (argument?.value.kind === Kind.STRING) return argument.value.value;
    if (argument?.value.kind !== Kind.VARIABLE) return undefined;
    const given = this.#variables?.get(argument.value.name.value);
    return typeof given === "string" ? given : undefined;
  }

  /** The maximum number of items of the field. */
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
    return Math.max(0, Math.min(size, most)); // execution rejects more
  }

  /** undefined if the argument is omitted. */
  #sizeOf(given: ValueNode | undefined, defaultValue: unknown, most: number): number | undefined {
    const isVariable = given?.kind === Kind.VARIABLE;
    if (isVariable && !this.#variables) return most;
    const value = isVariable ? this.#variables!.get(given.name.value) : given && literal(given);
    return lengthOf(value ?? defaultValue);
  }
}

/** The arguments that determine the number of items, and their limits. */
const SIZES = new Map<string, keyof Limits>([
  ["first", "pageSizeMax"],
  ["last", "pageSizeMax"],
  ["ids", "nodesPerRequestMax"],
  ["inputs", "inputsPerRequestMax"],
]);

/** Fields with another limit. */
const BOUNDS_OF_FIELDS = new Map<string, keyof Limits>([
  ["Query.listProgress", "rowsMax"],
  ["UserTask.log", "logLinesPerJobMax"],
]);

function fieldOf(type: GraphQLNamedType, name: string): GraphQLField<unknown, unknown> | undefined {
  if (!isObjectType(type) && !isInterfaceType(type)) return undefined;
  return type.getFields()[name];
}

/** A number itself, or the length of a list. Execution rejects any other value. */
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

/** The fragments of a document by their names. */
export function fragmentsOf({ definitions }: DocumentNode): Record<string, FragmentDefinitionNode> {
  const fragments = definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
  return Object.fromEntries(fragments.map((fragment) => [fragment.name.value, fragment]));
}
