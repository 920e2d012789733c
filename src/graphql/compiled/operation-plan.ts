import {
  isNonNullType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from "graphql";
import type { InputReaders, ReadVariables } from "./input-readers.js";
import { tryPlan, PlanBailout } from "./plan-bailout.js";
import type { PlanExecution, SelectionPlan, SelectionPlanner } from "./selection-plan.js";

/**
 * A plan that executes a repeated operation. The plan determines its fields, types and resolvers once; graphql-js does
 * so for each object of each answer, which costs several times as much as the resolvers.
 *
 * A plan handles the normal case only. If a resolver throws, a null appears where none is allowed, or a variable has an
 * unexpected type, the plan returns undefined and graphql-js executes the operation. So graphql-js creates every error,
 * and a plan's answer equals that of graphql-js.
 */
export class OperationPlan {
  readonly #root: SelectionPlan;
  readonly #readVariables: ReadVariables;

  /** @throws PlanBailout if the operation can't be planned. */
  constructor({ schema, operation, planner, readers }: OperationPlanOptions) {
    const type = schema.getRootType(operation.operation);
    if (!type) throw new PlanBailout();
    if (type === schema.getMutationType() && hasNonNullField(type)) throw new PlanBailout(); // a failure would skip the fields after it
    this.#root = planner.plan(type, operation.selectionSet);
    this.#readVariables = readers.ofVariables(schema, operation.variableDefinitions ?? []);
  }

  /** Returns undefined if the variables may be invalid: graphql-js then reports the errors. */
  bind(variables: Readonly<Record<string, unknown>>): BoundPlan | undefined {
    return tryPlan(() => new BoundPlan(this.#root, this.#readVariables(variables)));
  }
}

export interface OperationPlanOptions {
  readonly schema: GraphQLSchema;
  /** An operation of a valid document. */
  readonly operation: OperationDefinitionNode;
  /** The planner of its document. */
  readonly planner: SelectionPlanner;
  readonly readers: InputReaders;
}

/** A plan with its variables. It can execute any number of times. */
export class BoundPlan {
  readonly #root: SelectionPlan;
  readonly #variables: PlanExecution["variables"];
  readonly #argumentsRead: PlanExecution["argumentsRead"] = new Map();

  constructor(root: SelectionPlan, variables: PlanExecution["variables"]) {
    this.#root = root;
    this.#variables = variables;
  }

  /** The data of a query or an event; undefined if graphql-js must execute it. Has no side effects. */
  execute(context: unknown, rootValue?: unknown): Data | undefined {
    return tryPlan(() => this.#root.buildObject(rootValue, this.#runIn(context)));
  }

  /**
   * Performs a mutation: its root fields, one after another. Never rejects.
   * @param contextOf returns the context of the root field with this name in the answer.
   */
  async executeMutation(contextOf: (key: string) => unknown): Promise<MutationOutcomes> {
    const outcomes = new Map<string, Outcome>();
    for (const { key, resolve } of this.#root.fields) {
      try {
        outcomes.set(key, { value: await resolve(undefined, this.#runIn(contextOf(key))) });
      } catch (error) {
        outcomes.set(key, { error });
      }
    }
    return outcomes;
  }

  /** The data of a mutation that was performed; undefined if graphql-js must build the result. */
  buildResult(outcomes: MutationOutcomes, context: unknown): Data | undefined {
    return tryPlan(() => {
      const run = this.#runIn(context);
      const data: Data = {};
      for (const { key, complete } of this.#root.fields) data[key] = complete(outcomeOf(outcomes, key), run);
      return data;
    });
  }

  #runIn(context: unknown): PlanExecution {
    return { context, variables: this.#variables, argumentsRead: this.#argumentsRead };
  }
}

/** The `data` of a result without errors. */
export type Data = Record<string, unknown>;

/** The outcomes of a mutation's root fields, by their names in the answer. */
export type MutationOutcomes = ReadonlyMap<string, Outcome>;
type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** The value of a root field. @throws the error of the field, if it failed. */
export function outcomeOf(outcomes: MutationOutcomes, key: string): unknown {
  const outcome = outcomes.get(key);
  if (!outcome) throw new PlanBailout();
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}

/** Whether the failure of a field would discard the answers of all others. */
function hasNonNullField(type: GraphQLObjectType): boolean {
  return Object.values(type.getFields()).some((field) => isNonNullType(field.type));
}
