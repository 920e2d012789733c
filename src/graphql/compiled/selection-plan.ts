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

/**
 * What is selected of an object: its fields in the order of the answer, each with what resolves it and what
 * makes an answer of its value.
 */
export class SelectionPlan {
  readonly fields: readonly FieldPlan[];

  constructor(fields: readonly FieldPlan[]) {
    this.fields = fields;
  }

  /** The answer for `source`. @throws what its resolvers throw, and PlanBailout. */
  buildObject(source: unknown, run: PlanExecution): Record<string, unknown> {
    const shown: Record<string, unknown> = {};
    for (const field of this.fields) shown[field.key] = field.complete(field.resolve(source, run), run);
    return shown;
  }
}

/** A field of an answer. */
export interface FieldPlan {
  readonly key: string;
  /** The field's value, as its resolver gives it. */
  readonly resolve: (source: unknown, run: PlanExecution) => unknown;
  readonly complete: Complete;
}

/** Makes an answer of a field's value. */
type Complete = (value: unknown, run: PlanExecution) => unknown;

/** What all objects of one run have in common. */
export interface PlanExecution {
  readonly context: unknown;
  readonly variables: Readonly<Record<string, unknown>>;
  /** By field: the arguments are read once, however many objects have it. */
  readonly argumentsRead: Map<FieldNode, Arguments>;
}

type Arguments = Readonly<Record<string, unknown>>;
type Fragments = Readonly<Record<string, FragmentDefinitionNode>>;

/**
 * Makes the plans of one document. Which fields are selected graphql-js says itself, for no variables: where a
 * directive has one it throws, as that can't be planned.
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

  /** Fields that were planned so far, also for what could not be planned in the end; bounded. */
  get fieldCount(): number {
    return this.#fieldCount;
  }

  /** @throws PlanBailout for what can't be planned. */
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
    const node = nodes[0]!; // a field is selected by at least one
    if (node.name.value === TypeNameMetaFieldDef.name) return constant(key, parent.name);
    const field = parent.getFields()[node.name.value];
    if (!field) throw new PlanBailout(); // it is one of introspection
    return { key, resolve: resolverOf(field, node), complete: this.#completion(field.type, nodes) };
  }

  #completion(type: GraphQLOutputType, nodes: readonly FieldNode[]): Complete {
    if (isNonNullType(type)) return required(this.#presentCompletion(type.ofType, nodes));
    return optional(this.#presentCompletion(type, nodes));
  }

  /** For values that are not nothing. */
  #presentCompletion(type: GraphQLOutputType, nodes: readonly FieldNode[]): Complete {
    if (isListType(type)) return list(this.#completion(type.ofType, nodes));
    if (isLeafType(type)) return leaf(type);
    if (isObjectType(type)) return object(this.#planBelow(type, nodes));
    return abstract(type as GraphQLAbstractType, this.#planOfEach(type as GraphQLAbstractType, nodes)); // all that is left
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
  if (resolve.length > 3) throw new PlanBailout(); // it reads what graphql-js knows of the operation
  const call = resolve as (source: unknown, args: Arguments, context: unknown) => unknown;
  if (field.args.length === 0) return (source, { context }) => call(source, NO_ARGUMENTS, context);
  const read = argumentReader(field, node);
  return (source, run) => call(source, argumentsOf(node, run, read), run.context);
}

/** What graphql-js takes where there is no resolver. */
function propertyOf(source: unknown, name: string): unknown {
  if (typeof source !== "object" || source === null) throw new PlanBailout();
  const value = (source as Readonly<Record<string, unknown>>)[name]; // an object may be asked for anything
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

/** Reads a field's arguments as graphql-js does; where each has a variable that is given, they are those. */
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

/** The variables that the arguments of a field are, in the order of their definitions; undefined unless all are. */
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

/** What graphql-js knows of the operation, and a plan does not. */
const UNREADABLE_INFO = new Proxy({} as GraphQLResolveInfo, {
  get: () => {
    throw new PlanBailout();
  },
});

/** A value that is there: no promise of one, and no error in its place. */
function plain(value: unknown): unknown {
  if (typeof value !== "object") return value;
  if (value instanceof Error || typeof (value as { then?: unknown }).then === "function") {
    throw new PlanBailout();
  }
  return value;
}
