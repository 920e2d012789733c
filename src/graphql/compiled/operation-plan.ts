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
 * How an operation that comes again is executed. Which fields there are, of what types, and who resolves them
 * is worked out once; graphql-js works it out anew for each object of each answer, which costs several times
 * what the resolvers do.
 *
 * A plan knows the ordinary course and nothing else. Where a run meets anything out of the ordinary (a
 * resolver that throws, a null where none may be, a variable of another type) it gives nothing, and graphql-js
 * executes the operation: so every error is made there, and what a plan answers is what graphql-js would.
 */
export class OperationPlan {
  readonly #root: SelectionPlan;
  readonly #readVariables: ReadVariables;

  /** @throws PlanBailout for an operation that can't be planned. */
  constructor({ schema, operation, planner, readers }: OperationPlanOptions) {
    const type = schema.getRootType(operation.operation);
    if (!type) throw new PlanBailout();
    if (type === schema.getMutationType() && hasNonNullField(type)) throw new PlanBailout(); // the rest would be left out
    this.#root = planner.plan(type, operation.selectionSet);
    this.#readVariables = readers.ofVariables(schema, operation.variableDefinitions ?? []);
  }

  /** undefined for variables that graphql-js has something to say about. */
  bind(variables: Readonly<Record<string, unknown>>): BoundPlan | undefined {
    return tryPlan(() => new BoundPlan(this.#root, this.#readVariables(variables)));
  }
}

export interface OperationPlanOptions {
  readonly schema: GraphQLSchema;
  /** Of a document that is valid in the schema. */
  readonly operation: OperationDefinitionNode;
  /** That of its document. */
  readonly planner: SelectionPlanner;
  readonly readers: InputReaders;
}

/** A plan with its variables, to be run as often as one likes. */
export class BoundPlan {
  readonly #root: SelectionPlan;
  readonly #variables: PlanExecution["variables"];
  readonly #argumentsRead: PlanExecution["argumentsRead"] = new Map();

  constructor(root: SelectionPlan, variables: PlanExecution["variables"]) {
    this.#root = root;
    this.#variables = variables;
  }

  /** The data of a query, or of an event; undefined where graphql-js is to execute it. Changes nothing. */
  execute(context: unknown, rootValue?: unknown): Data | undefined {
    return tryPlan(() => this.#root.buildObject(rootValue, this.#runIn(context)));
  }

  /** Does what a mutation asks for: its root fields, one after another. Never rejects. */
  async executeMutation(context: unknown): Promise<MutationOutcomes> {
    const run = this.#runIn(context);
    const performed = new Map<string, Outcome>();
    for (const { key, resolve } of this.#root.fields) {
      try {
        performed.set(key, { value: await resolve(undefined, run) });
      } catch (error) {
        performed.set(key, { error });
      }
    }
    return performed;
  }

  /** The data of a mutation that was performed; undefined where graphql-js is to say what it came to. */
  buildResult(performed: MutationOutcomes, context: unknown): Data | undefined {
    return tryPlan(() => {
      const run = this.#runIn(context);
      const data: Data = {};
      for (const { key, complete } of this.#root.fields) data[key] = complete(outcomeOf(performed, key), run);
      return data;
    });
  }

  #runIn(context: unknown): PlanExecution {
    return { context, variables: this.#variables, argumentsRead: this.#argumentsRead };
  }
}

/** `data` of a result without errors. */
export type Data = Record<string, unknown>;

/** What the root fields of a mutation came to, by their names in the answer. */
export type MutationOutcomes = ReadonlyMap<string, Outcome>;
type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** The value that a root field came to. @throws the error that it came to. */
export function outcomeOf(performed: MutationOutcomes, key: string): unknown {
  const outcome = performed.get(key);
  if (!outcome) throw new PlanBailout();
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}

/** Whether it has a field that takes the answers of all others with it when it fails. */
function hasNonNullField(type: GraphQLObjectType): boolean {
  return Object.values(type.getFields()).some((field) => isNonNullType(field.type));
}
