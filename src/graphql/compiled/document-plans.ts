import {
  Kind,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from "graphql";
import type { InputReaders } from "./input-readers.js";
import { OperationPlan } from "./operation-plan.js";
import { tryPlan } from "./plan-bailout.js";
import { SelectionPlanner } from "./selection-plan.js";

/** The plans of a document's operations, apart from those that can't be planned. */
export interface DocumentPlans {
  readonly byOperation: ReadonlyMap<OperationDefinitionNode, OperationPlan>;
  /** Fields in them, which say how large they are. */
  readonly fieldCount: number;
}

/**
 * Plans the operations of a document that is valid in `schema`, until there are fields enough: by fragments a
 * small document may select many, and a plan takes time to make and room to keep.
 */
export function createDocumentPlans(
  schema: GraphQLSchema,
  document: DocumentNode,
  readers: InputReaders,
): DocumentPlans {
  const planner = new SelectionPlanner(schema, fragmentsOf(document), FIELDS_MAX);
  const byOperation = new Map<OperationDefinitionNode, OperationPlan>();
  for (const operation of document.definitions) {
    if (operation.kind !== Kind.OPERATION_DEFINITION) continue;
    const plan = tryPlan(() => new OperationPlan({ schema, operation, planner, readers }));
    if (plan) byOperation.set(operation, plan);
  }
  return { byOperation, fieldCount: planner.fieldCount };
}

export const NO_PLANS: DocumentPlans = { byOperation: new Map(), fieldCount: 0 };

/** Fields in the plans of one document. */
const FIELDS_MAX = 1_000;

/** A document's fragments by their names. */
export function fragmentsOf({ definitions }: DocumentNode): Record<string, FragmentDefinitionNode> {
  const fragments = definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
  return Object.fromEntries(fragments.map((fragment) => [fragment.name.value, fragment]));
}
