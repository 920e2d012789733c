import {
  GraphQLObjectType,
  GraphQLSchema,
  Kind,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLFieldConfig,
  type GraphQLFieldResolver,
  type OperationDefinitionNode,
} from "graphql";
import { InputReaders } from "./input-readers.js";
import { OperationPlan, outcomeOf, type MutationOutcomes } from "./operation-plan.js";
import { tryPlan } from "./plan-bailout.js";
import { SelectionPlanner } from "./selection-plan.js";

export type { BoundPlan } from "./operation-plan.js";

/**
 * Compiles documents that execute more than once. This file is the only entry to its directory: without it the
 * server would give the same answers, more slowly.
 */
export class DocumentCompiler {
  readonly #schema: GraphQLSchema;
  readonly #readers = new InputReaders();

  constructor(schema: GraphQLSchema) {
    this.#schema = schema;
  }

  /**
   * Plans the operations of a valid document, up to a bound of fields: with fragments a small document can select
   * many, and a plan takes time and memory.
   */
  compile(
    document: DocumentNode,
    fragments: Readonly<Record<string, FragmentDefinitionNode>>,
  ): DocumentPlans {
    const [schema, readers] = [this.#schema, this.#readers];
    const planner = new SelectionPlanner(schema, fragments, FIELDS_MAX);
    const byOperation = new Map<OperationDefinitionNode, OperationPlan>();
    for (const operation of document.definitions) {
      if (operation.kind !== Kind.OPERATION_DEFINITION) continue;
      const plan = tryPlan(() => new OperationPlan({ schema, operation, planner, readers }));
      if (plan) byOperation.set(operation, plan);
    }
    return { byOperation, fieldCount: planner.fieldCount };
  }
}

/** The plans of a document's operations, except those that can't be planned. */
export interface DocumentPlans {
  readonly byOperation: ReadonlyMap<OperationDefinitionNode, OperationPlan>;
  /** The number of fields in the plans, as a measure of their memory. */
  readonly fieldCount: number;
}

export const NO_PLANS: DocumentPlans = { byOperation: new Map(), fieldCount: 0 };

const FIELDS_MAX = 1_000;

/**
 * A schema with which graphql-js performs a mutation whose root fields have contexts of their own. The root value returns
 * the context of the root field with this name in the answer.
 */
export function createMutationSchema(schema: GraphQLSchema): GraphQLSchema {
  return mapMutationFields(
    schema,
    ({ resolve }) =>
      (contextOf: (key: string) => unknown, args, _, info) =>
        resolve?.(undefined, args, contextOf(String(info.path.key)), info),
  );
}

/**
 * A schema with which graphql-js builds the result of a mutation that a plan has already performed. The root value
 * holds the outcomes of its fields, so nothing is done twice.
 */
export function createMutationResultSchema(schema: GraphQLSchema): GraphQLSchema {
  return mapMutationFields(
    schema,
    () =>
      (outcomes: MutationOutcomes, _, __, { path }) =>
        outcomeOf(outcomes, String(path.key)),
  );
}

type Resolver = GraphQLFieldResolver<any, unknown>; // eslint-disable-line @typescript-eslint/no-explicit-any -- each schema has its own root value

function mapMutationFields(
  schema: GraphQLSchema,
  resolverOf: (field: GraphQLFieldConfig<unknown, unknown>) => Resolver,
): GraphQLSchema {
  const mutation = schema.getMutationType();
  if (!mutation) return schema;
  const { fields, ...config } = mutation.toConfig();
  const mapped = Object.entries(fields).map(([name, field]) => [
    name,
    { ...field, resolve: resolverOf(field) },
  ]);
  const { types, ...rest } = schema.toConfig();
  return new GraphQLSchema({
    ...rest,
    types: types.filter((type) => type !== mutation),
    mutation: new GraphQLObjectType({ ...config, fields: Object.fromEntries(mapped) }),
    assumeValid: true,
  });
}
