import {
  getArgumentValues,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  TypeNameMetaFieldDef,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLAbstractType,
  type GraphQLField,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  type SelectionSetNode,
} from "graphql";
import { collectFields, collectSubfields } from "graphql/execution/collectFields.js";
import { PlanBailout } from "./plan-bailout.js";

/** The selected fields of an object, in the order of the answer. */
export class SelectionPlan {
  readonly fields: readonly FieldPlan[];

  constructor(fields: readonly FieldPlan[]) {
    this.fields = fields;
  }

  /** Builds the answer for `source`. @throws PlanBailout, and any error of a resolver. */
  buildObject(source: unknown, run: PlanExecution): Record<string, unknown> {
    const data: Record<string, unknown> = {};
    for (const field of this.fields) data[field.key] = field.complete(field.resolve(source, run), run);
    return data;
  }
}

export interface FieldPlan {
  readonly key: string;
  /** Calls the field's resolver. */
  readonly resolve: (source: unknown, run: PlanExecution) => unknown;
  readonly complete: Complete;
}

/** Converts the value of a field into its answer. */
type Complete = (value: unknown, run: PlanExecution) => unknown;

/** The state of one run, shared by all its objects. */
export interface PlanExecution {
  readonly context: unknown;
  readonly variables: Readonly<Record<string, unknown>>;
  /** The arguments by field. They are read once, however many objects have the field. */
  readonly argumentsRead: Map<FieldNode, Arguments>;
}

type Arguments = Readonly<Record<string, unknown>>;
type Fragments = Readonly<Record<string, FragmentDefinitionNode>>;

/**
 * Creates the plans of one document. graphql-js collects the fields, without variables: it throws if a directive
 * uses one, because such a selection can't be planned.
 */
export class SelectionPlanner {
  readonly #schema: GraphQLSchema;
  readonly #fragments: Fragments;
  readonly #fieldsMax: number;
  #fieldCount = 0;

  constructor(schema: GraphQLSchema, fragments: Fragments, fieldsMax: number) {
    this.#schema = schema;
    this.#fragments = fragments;
    this.#fieldsMax = fieldsMax;
  }

  /** Fields planned so far, including those of operations that turned out not to be plannable; bounded. */
  get fieldCount(): number {
    return this.#fieldCount;
  }

  /** @throws PlanBailout if the selection can't be planned. */
  plan(type: GraphQLObjectType, selectionSet: SelectionSetNode): SelectionPlan {
    return this.#select(type, collectFields(this.#schema, this.#fragments, {}, type, selectionSet));
  }

  #planBelow(type: GraphQLObjectType, nodes: readonly FieldNode[]): SelectionPlan {
    return this.#select(type, collectSubfields(this.#schema, this.#fragments, {}, type, nodes));
  }

  #select(type: GraphQLObjectType, selected: ReadonlyMap<string, readonly FieldNode[]>): SelectionPlan {
    if (type.isTypeOf) throw new PlanBailout();
    return new SelectionPlan(Array.from(selected, ([key, nodes]) => this.#field(type, key, nodes)));
  }

  #field(parent: GraphQLObjectType, key: string, nodes: readonly FieldNode[]): FieldPlan {
    if (++this.#fieldCount > this.#fieldsMax || key === "__proto__") throw new PlanBailout();
    const node = nodes[0]!; // a field has at least one node
    if (node.name.value === TypeNameMetaFieldDef.name) return constant(key, parent.name);
    const field = parent.getFields()[node.name.value];
    if (!field) throw new PlanBailout(); // an introspection field
    return { key, resolve: resolverOf(field, node), complete: this.#completion(field.type, nodes) };
  }

  #completion(type: GraphQLOutputType, nodes: readonly FieldNode[]): Complete {
    if (isNonNullType(type)) return required(this.#presentCompletion(type.ofType, nodes));
    return optional(this.#presentCompletion(type, nodes));
  }

  /** For values other than null and undefined. */
  #presentCompletion(type: GraphQLOutputType, nodes: readonly FieldNode[]): Complete {
    if (isListType(type)) return list(this.#completion(type.ofType, nodes));
    if (isLeafType(type)) return leaf(type);
    if (isObjectType(type)) return object(this.#planBelow(type, nodes));
    return abstract(type as GraphQLAbstractType, this.#planOfEach(type as GraphQLAbstractType, nodes)); // the only kind left
  }

  #planOfEach(type: GraphQLAbstractType, nodes: readonly FieldNode[]): ReadonlyMap<unknown, SelectionPlan> {
    const types = this.#schema.getPossibleTypes(type);
    return new Map(types.map((possible) => [possible.name, this.#planBelow(possible, nodes)]));
  }
}

function constant(key: string, value: unknown): FieldPlan {
  return { key, resolve: () => value, complete: () => value };
}

function resolverOf(field: GraphQLField<unknown, unknown>, node: FieldNode): FieldPlan["resolve"] {
  const { name, resolve } = field;
  if (!resolve) return (source) => propertyOf(source, name);
  if (resolve.length > 3) throw new PlanBailout(); // it reads the GraphQLResolveInfo, which only graphql-js has
  const call = resolve as (source: unknown, args: Arguments, context: unknown) => unknown;
  if (field.args.length === 0) return (source, { context }) => call(source, NO_ARGUMENTS, context);
  const read = argumentReader(field, node);
  return (source, run) => call(source, argumentsOf(node, run, read), run.context);
}

/** The default resolver of graphql-js. */
function propertyOf(source: unknown, name: string): unknown {
  if (typeof source !== "object" || source === null) throw new PlanBailout();
  const value = (source as Readonly<Record<string, unknown>>)[name]; // safe: any object can be indexed
  if (typeof value === "function") throw new PlanBailout();
  return value;
}

function argumentsOf(node: FieldNode, run: PlanExecution, read: ReadArguments): Arguments {
  const known = run.argumentsRead.get(node);
  if (known) return known;
  const args = read(run.variables);
  run.argumentsRead.set(node, args);
  return args;
}

type ReadArguments = (variables: PlanExecution["variables"]) => Arguments;

/** Reads a field's arguments as graphql-js does; faster if each argument is a variable with a value. */
function argumentReader(field: GraphQLField<unknown, unknown>, node: FieldNode): ReadArguments {
  const variables = variablesOf(field, node);
  if (!variables) return (values) => getArgumentValues(field, node, values);
  return (values) => {
    const args: Record<string, unknown> = {};
    for (const { argument, variable } of variables) {
      const value = Object.hasOwn(values, variable) ? values[variable] : undefined;
      if (value === null || value === undefined) return getArgumentValues(field, node, values);
      args[argument] = value;
    }
    return args;
  };
}

/** The variables of a field's arguments, in the order of their definitions; undefined unless all are variables. */
function variablesOf(
  { args }: GraphQLField<unknown, unknown>,
  { arguments: given = [] }: FieldNode,
): { argument: string; variable: string }[] | undefined {
  const variables = args.flatMap(({ name }) => {
    const value = given.find((argument) => argument.name.value === name)?.value;
    return value?.kind === Kind.VARIABLE ? { argument: name, variable: value.name.value } : [];
  });
  return variables.length === args.length ? variables : undefined;
}

const NO_ARGUMENTS: Arguments = Object.freeze({});

function optional(complete: Complete): Complete {
  return (value, run) => (value === null || value === undefined ? null : complete(value, run));
}

function required(complete: Complete): Complete {
  return (value, run) => {
    if (value === null || value === undefined) throw new PlanBailout();
    return complete(value, run);
  };
}

function list(complete: Complete): Complete {
  return (value, run) => {
    if (!Array.isArray(value)) throw new PlanBailout();
    return value.map((item: unknown) => complete(item, run));
  };
}

function leaf(type: GraphQLLeafType): Complete {
  return (value) => {
    const serialized = type.serialize(plain(value));
    if (serialized === null || serialized === undefined) throw new PlanBailout();
    return serialized;
  };
}

function object(plan: SelectionPlan): Complete {
  return (value, run) => plan.buildObject(plain(value), run);
}

function abstract(type: GraphQLAbstractType, plans: ReadonlyMap<unknown, SelectionPlan>): Complete {
  const { resolveType } = type;
  if (!resolveType) throw new PlanBailout();
  return (value, run) => {
    const plan = plans.get(resolveType(plain(value), run.context, UNREADABLE_INFO, type));
    if (!plan) throw new PlanBailout();
    return plan.buildObject(value, run);
  };
}

/** A plan has no GraphQLResolveInfo. A type resolver that reads it makes the plan bail out. */
const UNREADABLE_INFO = new Proxy({} as GraphQLResolveInfo, {
  get: () => {
    throw new PlanBailout();
  },
});

/** Returns the value. @throws PlanBailout if it is a promise or an error. */
function plain(value: unknown): unknown {
  if (typeof value !== "object") return value;
  if (value instanceof Error || typeof (value as { then?: unknown }).then === "function") {
    throw new PlanBailout();
  }
  return value;
}
